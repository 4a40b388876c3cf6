"""Password dialogs, callers that leave, and polkit that does not answer or is not there."""
import contextlib
import itertools
import os
import re
import signal
import subprocess
import termios
import threading

import bus
from bus import ACCESS_DENIED, INTERACTIVE, LIMITS, Case
from dialog import AskedCall, Terminal
from machine import wait_for

POLKIT = 'org.freedesktop.PolicyKit1'
NOT_AUTHORISED = 4  # what pclassctl ends with
POLKIT_SERVICE = '/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service'


def polkit_pid():
    """Of the polkitd that is running; it is started if it is not."""
    bus.bus_call('StartServiceByName', 'su', POLKIT, '0')
    return bus.bus_call('GetConnectionUnixProcessID', 's', POLKIT)


class PolkitCase(Case):
    def watch_polkit(self):
        """Lines of dbus-monitor about what polkit is asked, from now on."""
        monitor = subprocess.Popen(['dbus-monitor', '--system', "type='method_call',interface='org.freedesktop.PolicyKit1.Authority'"],
                                   stdout=subprocess.PIPE, text=True)
        patience = threading.Timer(30, monitor.kill)
        patience.start()
        self.addCleanup(lambda: (patience.cancel(), monitor.kill(), monitor.communicate()))
        next(line for line in monitor.stdout if 'member=NameLost' in line) # a monitor loses its name when it begins to see
        return monitor.stdout


class Dialog(PolkitCase):
    def ask(self, user, *args):
        call = AskedCall(user, *args)
        self.addCleanup(call.close)
        return call

    def ask_add(self, user='dave'):
        return self.ask(user, '/Rules', 'Rules', 'Add', 'sa{sv}', bus.rule_text('asked'), 0).go()

    def test_right_password(self):
        call = self.ask_add()
        call.terminal.wait_for(r'org\.pclass\.rules\.modify')
        call.terminal.wait_for('change which processes belong in which class: add “asked: cgroup=[^“]*comm=pt-bus => web”')
        call.terminal.wait_for('carol')
        self.assertNotIn('asked', bus.rules())
        call.terminal.password('carolpw')
        self.assertOk(call.answer())
        self.assertIn('asked', bus.rules())

    def test_text_that_would_fill_the_dialog(self):
        """One line, cut: nobody writes his own words below it."""
        text = bus.rule_text('one', comm='x' * 500) + '\n' + bus.rule_text('two')
        call = self.ask('dave', '/Rules', 'Rules', 'SetAll', 'st', text, 0).go()
        shown = call.terminal.wait_for(r'in which class: (put 2 rules in place of all that were added, the first “one: [^”]*”)\.')[1]
        self.assertIn('xxx …', shown)
        self.assertLess(len(shown), 320)
        call.terminal.wait_for('carol')

    def test_wrong_password(self):
        call = self.ask_add()
        call.terminal.password('davepw')
        self.assertIn(call.answer().error, (ACCESS_DENIED, INTERACTIVE))
        self.assertNotIn('asked', bus.rules())

    def test_without_leave_to_ask_nobody_is_asked(self):
        """An agent is there, but the caller's message does not allow a dialog."""
        call = AskedCall('dave', '/Rules', 'Rules', 'List', 'a{sv}', 0)
        self.addCleanup(call.close)
        self.assertError(bus.add('asked', user='dave'), INTERACTIVE)

    def test_service_works_on_during_a_dialog(self):
        call = self.ask_add()
        call.terminal.wait_for('carol')
        self.assertOk(bus.add('meanwhile'))
        self.assertOk(bus.add('meanwhile-by-rule', user='alice'))
        self.assertError(bus.add('denied', user='bob'), ACCESS_DENIED)
        call.terminal.password('carolpw')
        self.assertOk(call.answer())

    def test_world_is_looked_at_again_after_the_password(self):
        path = self.assertOk(bus.add('victim'))
        call = self.ask('dave', '/Rules', 'Rules', 'Remove', 'oa{sv}', path, 0).go()
        call.terminal.wait_for('carol')
        self.assertOk(bus.remove(path))
        call.terminal.password('carolpw')
        self.assertError(call.answer(), 'NoSuchRule', path)

    def test_caller_leaves_during_the_dialog(self):
        shown = self.watch_polkit()
        call = self.ask_add()
        call.terminal.wait_for('carol')
        call.process.kill()
        asked = cancelled = None
        for line in shown:
            if 'member=CancelCheckAuthorization' in line:
                cancelled = next(shown).strip()
                break
            if '"pclass-' in line: # the last argument of CheckAuthorization
                asked = line.strip()
        self.assertEqual(cancelled, asked)
        self.assertIsNotNone(asked)
        self.assertOk(bus.add('after', user='alice'))
        self.assertNotIn('asked', bus.rules())

    def test_caller_and_agent_leave_together(self):
        """As at Control-C. Polkit is not told to cancel while it sees the agent go, where it can lock up."""
        shown = self.watch_polkit()
        call = self.ask_add()
        call.terminal.wait_for('carol')
        call.process.kill()
        call.terminal.close()
        self.assertOk(bus.add('after', user='alice'))
        members = itertools.islice(filter(None, (re.search(r'member=(\w*CheckAuthorization)', line) for line in shown)), 2)
        self.assertEqual([found[1] for found in members], ['CheckAuthorization', 'CheckAuthorization'])
        self.assertNotIn('asked', bus.rules())

    def test_polkit_ends_during_the_dialog(self):
        call = self.ask_add()
        call.terminal.wait_for('carol')
        fd = os.pidfd_open(polkit_pid())
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)
        self.assertError(call.answer(), ACCESS_DENIED, 'polkit')
        self.assertNotIn('asked', bus.rules())
        wait_for(lambda: bus.add('after', user='alice').error is None, 'polkit to be there again')

    def test_explain_others_with_password(self):
        call = self.ask('dave', '/Processes', 'Processes', 'ExplainPid', 'us', os.getpid(), '').go()
        call.terminal.wait_for(r'org\.pclass\.processes\.inspect')
        call.terminal.password('carolpw')
        self.assertEqual(self.assertOk(call.answer())['PID'], os.getpid())


class OwnAgent(Case):
    """pclassctl on a terminal brings an agent of its own, and takes it away again."""

    def on_terminal(self, *args, user='dave'):
        terminal = Terminal(user, 'pclassctl', *args)
        self.addCleanup(terminal.close)
        return terminal

    def echoes(self, terminal):
        return bool(termios.tcgetattr(terminal.fd)[3] & termios.ECHO)

    def test_right_password(self):
        terminal = self.on_terminal('add-rule', bus.rule_text('asked'))
        terminal.wait_for(r'org\.pclass\.rules\.modify')
        terminal.password('carolpw')
        terminal.wait_for('AUTHENTICATION COMPLETE')
        self.assertEqual(terminal.ended(), 0, terminal.seen)
        self.assertIn(bus.rules()['asked']['Path'], terminal.seen)

    def test_wrong_password(self):
        terminal = self.on_terminal('add-rule', bus.rule_text('asked'))
        terminal.password('davepw')
        self.assertEqual(terminal.ended(), NOT_AUTHORISED, terminal.seen)
        self.assertIn('pclassctl: not authorised: ', terminal.seen)
        self.assertNotIn('asked', bus.rules())

    def test_control_c(self):
        terminal = self.on_terminal('add-rule', bus.rule_text('asked'))
        terminal.wait_for('Password:')
        wait_for(lambda: not self.echoes(terminal), 'the terminal not to show what is typed')
        os.write(terminal.fd, b'\x03')
        self.assertEqual(terminal.ended(), -signal.SIGINT, terminal.seen)
        wait_for(lambda: not agents(), 'the agent to end')
        self.assertNotIn('asked', bus.rules())

    def test_nobody_is_asked(self):
        for user, args in (('dave', ('--no-ask-password', 'add-rule', bus.rule_text('asked'))), ('bob', ('add-rule', bus.rule_text('asked')))):
            with self.subTest(user):
                terminal = self.on_terminal(*args, user=user)
                self.assertEqual(terminal.ended(), NOT_AUTHORISED, terminal.seen)
                self.assertNotIn('Password', terminal.seen)


def agents():
    """Processes of pkttyagent, of these tests."""
    result = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        with contextlib.suppress(OSError), open(f'/proc/{pid}/cgroup', encoding='utf-8') as f, open(f'/proc/{pid}/comm', encoding='utf-8') as comm:
            if comm.read().strip() == 'pkttyagent' and bus.RIG in f.read():
                result.append(int(pid))
    return result


class Polkit(PolkitCase):
    def stop_polkit(self):
        """SIGSTOP: it is on the bus and says nothing."""
        fd = os.pidfd_open(polkit_pid())
        signal.pidfd_send_signal(fd, signal.SIGSTOP)

        def go_on():
            with contextlib.suppress(ProcessLookupError):  # a test may have ended it
                signal.pidfd_send_signal(fd, signal.SIGCONT)
            os.close(fd)

        self.addCleanup(go_on)
        return lambda: signal.pidfd_send_signal(fd, signal.SIGCONT)

    def test_questions_of_one_user_are_counted(self):
        go_on = self.stop_polkit()
        calls = [bus.start_call('/Rules', 'Rules', 'Plan', 'sa{sv}', '', 0, user='dave') for _ in range(18)]
        wait_for(lambda: sum(c.poll() is not None for c in calls) == 2, 'two calls to be refused')
        self.assertOk(bus.add('meanwhile'))  # root is not held up
        early = [c for c in calls if c.poll() is not None]
        another = bus.start_call('/Rules', 'Rules', 'Plan', 'sa{sv}', '', 0, user='alice')  # nor does dave use up what is hers
        go_on()
        for c in calls:
            self.assertError(bus.finish(c), LIMITS if c in early else INTERACTIVE)
        self.assertOk(bus.finish(another))
        self.assertError(bus.call('/Rules', 'Rules', 'Plan', 'sa{sv}', '', 0, user='dave'), INTERACTIVE)

    def test_polkit_ends_while_it_is_asked(self):
        self.stop_polkit()
        questions = self.watch_polkit()
        call = bus.start_call('/Rules', 'Rules', 'Add', 'sa{sv}', bus.rule_text('asked'), 0, user='alice')
        self.assertTrue(any('member=CheckAuthorization' in line for line in questions))
        fd = os.pidfd_open(polkit_pid())
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)
        self.assertError(bus.finish(call), ACCESS_DENIED, 'polkit')
        self.assertNotIn('asked', bus.rules())

    def test_polkit_absent(self):
        os.rename(POLKIT_SERVICE, POLKIT_SERVICE + '.away')
        self.addCleanup(bus.bus_call, 'ReloadConfig')
        self.addCleanup(os.rename, POLKIT_SERVICE + '.away', POLKIT_SERVICE)
        fd = os.pidfd_open(polkit_pid())
        bus.bus_call('ReloadConfig')
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)
        wait_for(lambda: bus.bus_call('NameHasOwner', 's', POLKIT) is False, 'polkit to leave the bus')
        for user in ('alice', 'dave'):
            self.assertError(bus.add('probe', user=user), ACCESS_DENIED, 'polkit cannot be asked')
        self.assertOk(bus.call('/Rules', 'Rules', 'List', 'a{sv}', 0, user='dave'))
        path = self.assertOk(bus.add('probe'))
        self.assertOk(bus.remove(path))

    def test_polkit_comes_back(self):
        fd = os.pidfd_open(polkit_pid())
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)
        wait_for(lambda: bus.bus_call('NameHasOwner', 's', POLKIT) is False, 'polkit to leave the bus')
        self.assertOk(bus.add('probe', user='alice'))

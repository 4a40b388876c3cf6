"""Processes that were there before the service, and what a restart of any part of it does."""
import os
import signal

import machine
from case import Case, program
from machine import wait_for

CLASSES = '[Class a]\nTasksMax=4000\n[Class b]\n'
RULES = 'bycomm: comm=pta {home} => a\nbyuid: uid=61210 {home} => b\n'


class Before(Case):
    CLASSES, RULES, START = CLASSES, RULES, False

    def test_200_processes_that_were_there_before(self):
        a = self.spawn(*['fork', 'exec', program('pta'), 'END'] * 100, *['fork', 'uid', 61210, 'END'] * 100, 'say', 'all')
        lines = [a.line() for _ in range(201)]
        pids = [int(line.split()[1]) for line in lines if line != 'all']
        self.assertEqual(len(pids), 200)
        wait_for(lambda: sum(open(f'/proc/{p}/comm', encoding='utf-8').read() == 'pta\n' for p in pids) == 100, 'every exec')
        self.service.start()
        # It says "running" when it has converged: nothing is waited for from here on.
        for pid in pids:
            name = 'a' if open(f'/proc/{pid}/comm', encoding='utf-8').read() == 'pta\n' else 'b'
            self.assertTrue(self.in_class(pid, name), self.where(pid))
        self.assertEqual(machine.place(a.pid), self.service.home)
        statement = self.service.get('/Status', 'Status', 'Convergence')
        self.assertGreaterEqual(statement['Checked'], 201)
        self.assertGreaterEqual(statement['Moved'], 200)
        self.assertEqual(statement['Wrong'], 0)

    def test_processes_forked_while_it_starts(self):
        """Half before, half during the scan: none is missed."""
        busy = self.spawn('exec', program('pta'), 'chain', 50, 'wait', 'chain', 50)
        pids = [busy.child() for _ in range(50)]
        busy.go()
        self.service.start()
        pids += [busy.child() for _ in range(50)]
        for pid in pids:
            self.await_class(pid, 'a')


class Restart(Case):
    CLASSES, RULES = CLASSES, RULES

    def population(self):
        a = self.spawn(path=program('pta'))
        b = self.as_user(61210)
        self.await_class(a.pid, 'a')
        self.await_class(b.pid, 'b')
        return a, b

    def survives(self, role):
        """Kills one daemon process: all end, nobody in a class notices, the next start finds what happened meanwhile."""
        a, b = self.population()
        daemons = self.service.daemons()
        self.assertIn(role, daemons)
        self.kill(daemons[role])
        self.service.wait_ended()
        for actor, name in ((a, 'a'), (b, 'b')):
            self.assert_alive(actor)
            self.assertTrue(self.in_class(actor.pid, name))
        meanwhile = self.spawn(path=program('pta'))
        self.assertEqual(machine.place(meanwhile.pid), self.service.home)
        self.service.process.wait()
        self.service.start()
        self.assertTrue(self.in_class(meanwhile.pid, 'a'), self.where(meanwhile.pid))
        for actor, name in ((a, 'a'), (b, 'b')):
            self.assert_alive(actor)
            self.assertTrue(self.in_class(actor.pid, name))
        later = self.spawn(path=program('pta'))
        self.await_class(later.pid, 'a')

    def test_kill_of_the_broker(self):
        self.survives('broker')

    def test_kill_of_the_listener(self):
        self.survives('listener')

    def test_first_line_names_the_cause(self):
        """Also if the broker comes to look when all have ended."""
        broker, listener = (self.service.daemons()[role] for role in ('broker', 'listener'))
        os.kill(broker, signal.SIGSTOP)
        self.kill(listener)
        wait_for(lambda: machine.members(self.service.cgroup) == [broker], 'the others to end')
        os.kill(broker, signal.SIGCONT)
        self.service.wait_ended()
        self.assertEqual([line for line in self.service.log().splitlines() if 'everything ends' in line][0].split(':')[-1].strip(),
                         'pclassd was killed by signal 9; everything ends, to be started again')

    def test_kill_of_the_names_helper(self):
        self.survives('names')

    def test_restart_keeps_class_and_limits(self):
        a, _ = self.population()
        self.service.restart()
        self.assert_alive(a)
        self.assertTrue(self.in_class(a.pid, 'a'))
        pids = machine.hierarchy_of('pids')
        with open(pids.path(self.class_path('a'), 'pids.max'), encoding='utf-8') as f:
            self.assertEqual(f.read(), '4000\n')

    def test_origin_survives_a_restart(self):
        """A process that was moved before the restart goes home when its rule goes after it."""
        a, _ = self.population()
        self.service.write_rules('marker: comm=ptmarker {home} => marker\n')
        self.service.restart()
        self.await_home(a.pid)
        self.assert_alive(a)

    def test_supervised_broker_comes_again(self):
        """--supervise: the parent starts it anew when it ends."""
        self.service.stop()
        self.service.options = ['--supervise']
        self.service.start()
        a, _ = self.population()
        first = self.service.daemons()
        self.kill(first['listener'])
        wait_for(lambda: self.service.daemons().get('listener') not in (None, first['listener']), 'a new listener')
        self.service.wait_running()
        self.assert_alive(a)
        self.assertTrue(self.in_class(a.pid, 'a'))
        self.await_class(self.spawn(path=program('pta')).pid, 'a')

    def test_reload_waits_for_a_service_that_starts_anew(self):
        """A class more: the next line of a script finds it, and whoever belongs in it is there."""
        self.service.stop()
        self.service.options = ['--supervise']
        self.service.start()
        a, _ = self.population()
        waiting = self.spawn(path=program('pta'))
        self.service.write_classes('[Class more]\n', name='60-more.conf')
        self.service.write_rules('more: comm=pta {home} => more\n', name='10-more.rules')
        before = self.service.daemons()['listener']
        self.assertEqual(self.service.ctl('reload'), '')
        self.assertEqual(self.service.ctl('show-class', '--json', 'more')['Name'], 'more')
        self.assertTrue(self.in_class(waiting.pid, 'more'))
        self.assertTrue(self.in_class(a.pid, 'more'))
        self.assertNotEqual(self.service.daemons()['listener'], before)
        self.service.ctl('reload')
        self.service.write_classes('[Class less]\n', name='60-more.conf')
        self.service.write_rules('', name='10-more.rules')
        self.service.ctl('reload', '--no-block')
        self.service.wait_running()
        self.service.ctl('show-class', 'less')


class Hang(Case):
    CLASSES, RULES, START = CLASSES, RULES, False

    def test_supervised_processes_that_hang(self):
        """A pclassd, or a broker, that says nothing for 30 s is killed with all others, and what serves then is new."""
        self.service.options = ['--supervise']
        self.service.start()
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'a')
        for of_broker in (False, True):
            old = self.service.daemons()
            lead = machine.parent(old['listener'])
            os.kill(lead if of_broker else old['listener'], signal.SIGSTOP)
            wait_for(lambda: not {lead, *old.values()} - {self.service.process.pid} & set(machine.members(self.service.cgroup)),
                     lambda: f'the old ones to be gone: {self.service.log()}', 60)
            self.service.wait_running()
            self.assertTrue(self.in_class(a.pid, 'a'))
            self.await_class(self.spawn(path=program('pta')).pid, 'a')
        self.assertEqual(self.service.log().count('gives no sign of life'), 2)

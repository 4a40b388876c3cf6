"""How much one user may ask for at once, and what the counters say of it."""
import os
import signal

import bus
from bus import ACCESS_DENIED, INTERACTIVE, LIMITS, Case
from machine import wait_for
from test_interface import MemberCase

CALLS_UID_MAX = 32
POLKIT_RULES = '/etc/polkit-1/rules.d'


class Counters(Case):
    def grown(self, action):
        """By how much each counter has grown, but for the call that asks."""
        before = self.service.counters()
        action()
        after = self.service.counters()
        return {k: after[k] - before[k] for k in after}

    def test_calls(self):
        grown = self.grown(lambda: [bus.rules() for _ in range(3)])
        self.assertEqual((grown['calls'], grown['calls_denied'], grown['calls_refused']), (4, 0, 0))

    def test_denied(self):
        def ask():
            self.assertError(bus.add('probe', user='bob'), ACCESS_DENIED)
            self.assertError(bus.add('probe', user='dave'), INTERACTIVE)

        grown = self.grown(ask)
        self.assertEqual((grown['calls_denied'], grown['calls_refused']), (2, 0))

    def test_nothing_is_left_waiting(self):
        self.assertOk(bus.add('probe', user='alice'))
        counters = self.service.counters()
        self.assertEqual((counters['calls_waiting'], counters['polkit_pending']), (0, 0))


class Waiting(MemberCase):
    """Calls that are allowed and wait for a move, which the broker does not make because it is stopped. After 10 s they wait no longer."""

    def stop_broker(self):
        pid = self.service.process.pid
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)

    def waiting(self):
        return self.service.counters()['calls_waiting']

    def fill(self):
        """True when alice has as many calls waiting as she may, before the first of them is answered."""
        first = bus.start_call('/Rules', 'Rules', 'Add', 'sa{sv}', bus.rule_text('wait', comm='pt-wait'), 1, 'replace', 'b', 'true')
        self.calls = [first]
        wait_for(lambda: self.waiting() > 0, 'the rule to wait for its move')
        for n in (16, 16):  # as many as polkit may be asked at a time
            self.calls += [bus.start_call('/Status', 'Status', 'Reclassify', 'a{sv}', 0, user='alice') for _ in range(n)]
            wait_for(lambda: self.waiting() >= len(self.calls) or first.poll() is not None, 'the calls to wait')
        return self.waiting() == CALLS_UID_MAX + 1

    def finish(self):
        return [bus.finish(c) for c in self.calls]

    def test_calls_of_one_user_are_counted(self):
        self.start_member(b'pt-wait')
        self.stop_broker()
        for _ in range(5):  # a busy machine may be too slow once
            if self.fill():
                break
            self.finish()
        else:
            self.fail(f'{self.waiting()} calls wait')
        refused = self.service.counters()['calls_refused']
        answer = bus.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0, user='alice')
        self.assertError(answer, LIMITS, str(CALLS_UID_MAX))
        self.assertEqual(self.service.counters()['calls_refused'], refused + 1)
        self.calls.append(bus.start_call('/Status', 'Status', 'Reclassify', 'a{sv}', 0))  # root is not held up
        os.kill(self.service.process.pid, signal.SIGCONT)
        for answer in self.finish():
            self.assertOk(answer)
        self.assertEqual(self.waiting(), 0)
        self.assertOk(bus.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0, user='alice'))


class Details(Case):
    """What a rule of polkit can look at."""

    def rule(self, condition):
        path = f'{POLKIT_RULES}/05-test.rules'
        with open(path, 'w', encoding='utf-8') as f:
            f.write('polkit.addRule(function(action, subject) {\n'
                    f'        if (subject.user == "dave" && {condition}) return polkit.Result.YES;\n'
                    '        return polkit.Result.NOT_HANDLED;\n});\n')
        self.addCleanup(os.unlink, path)

    def becomes_allowed(self, *args):
        """polkitd reads its rules when it sees the file."""
        wait_for(lambda: bus.call(*args, user='dave').error is None, f'{args} to be allowed')

    def test_text_of_the_rule(self):
        add = ('/Rules', 'Rules', 'Add', 'sa{sv}', bus.rule_text('mine', comm='pt-okay'), 1, 'replace', 'b', 'true')
        self.rule('action.id == "org.pclass.rules.modify" && (action.lookup("rule") || "").indexOf("comm=pt-okay") >= 0')
        self.becomes_allowed(*add)
        self.assertError(bus.add('other', comm='pt-other', user='dave'), INTERACTIVE)
        path = bus.rules()['mine']['Path']
        for call in ((path, 'Rule', 'SetEnabled', 'ba{sv}', 'false', 0), ('/Rules', 'Rules', 'SetAll', 'st', bus.rule_text('mine', comm='pt-okay'), 0),
                     ('/Rules', 'Rules', 'Remove', 'oa{sv}', path, 0)):
            self.assertOk(bus.call(*call, user='dave'))

    def test_name_of_the_class(self):
        self.rule('action.id == "org.pclass.processes.inspect" && action.lookup("class") == "web"')
        self.becomes_allowed('/Classes', 'Classes', 'GetProcesses', 'sa{sv}', 'web', 0)
        self.assertOk(bus.call('/Classes/web', 'Class', 'GetProcesses', 'a{sv}', 0, user='dave'))
        self.assertError(bus.call('/Classes', 'Classes', 'GetProcesses', 'sa{sv}', 'users', 0, user='dave'), INTERACTIVE)

    def test_mode(self):
        self.rule('action.id == "org.pclass.daemon.control" && action.lookup("mode") == "enforce"')
        self.becomes_allowed('/Status', 'Status', 'SetMode', 's', 'enforce')
        self.assertError(bus.call('/Status', 'Status', 'SetMode', 's', 'observe', user='dave'), INTERACTIVE)

"""Options of rules on running processes: sticky, ignore-rt, and exact on both kinds of hierarchy."""
import os
import signal

import machine
from case import Case, program
from service import BusError

BOTH = ('cgroup2', 'cpu')


class Sticky(Case):
    CLASSES = '[Class a]\nCPUWeight=50\n[Class b]\nCPUWeight=50\n'
    RULES = 'other: comm=ptb {home} => b\nuser:  uid=61211 {home} => b\nstick: comm=pta {home} => a sticky\nplain: comm=ptc {home} => a\n'

    def assert_stays(self, pid):
        self.fence()
        for h in BOTH:
            self.assertTrue(self.in_class(pid, 'a', h), self.where(pid))

    def sticky(self, *steps):
        a = self.spawn(*steps, path=program('pta'))
        for h in BOTH:
            self.await_class(a.pid, 'a', h)
        return a

    def test_no_rule_moves_it_until_it_ends(self):
        a = self.sticky('wait', 'exec', program('ptb'), 'wait', 'uid', 61211, 'say', 'done')
        for _ in range(2):
            a.go()
            self.assert_stays(a.pid)
        self.assertEqual(a.line(), 'done')
        self.service.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0)
        self.assert_stays(a.pid)
        x = self.service.explain(a.pid)
        self.assertEqual((x['Rule'], x['InPlace'], x['Class']), ('stick', True, 'a'))
        self.assertIn(('other', 'holds, but a sticky rule placed the process before'), [(s['Rule'], s['Reason']) for s in x['Steps']])
        self.assertEqual(self.service.plan(), [])

    def test_without_it_the_next_rule_takes_over(self):
        a = self.spawn('wait', 'exec', program('ptb'), path=program('ptc'))
        self.await_class(a.pid, 'a')
        a.go()
        self.await_class(a.pid, 'b')

    def test_a_new_rule_before_it_moves_nothing(self):
        a = self.sticky()
        self.service.add_rule('first: comm=pta {home} => b')
        self.assert_stays(a.pid)
        later = self.spawn(path=program('pta'))
        self.await_class(later.pid, 'b')

    def test_children_are_free(self):
        a = self.sticky('wait', 'fork', 'wait', 'exec', program('ptb'), 'END')
        self.fence()  # a child that is born before its parent's move was answered is judged by itself, by what its parent's program is
        a.go()
        child = a.child()
        self.assertTrue(self.in_class(child, 'a'), self.where(child))
        a.go()
        self.await_class(child, 'b')

    def test_kept_across_restarts(self):
        a = self.sticky('wait', 'exec', program('ptb'))
        self.service.restart()
        a.go()
        self.assert_stays(a.pid)
        self.kill_service()
        self.assert_stays(a.pid)
        self.assertEqual(self.service.explain(a.pid)['Rule'], 'stick')

    def kill_service(self):
        os.kill(self.service.daemons()['listener'], signal.SIGKILL)
        self.service.wait_ended()
        self.service.start()

    def test_kept_when_it_was_changed_right_before_the_end(self):
        """What it is when the service comes back would lead to another class."""
        a = self.sticky('wait', 'exec', program('ptb'), 'say', 'new')
        self.service.stop()
        a.go()
        self.assertEqual(a.line(), 'new')
        self.service.start()
        self.assert_stays(a.pid)

    def test_the_rule_goes_and_lets_go(self):
        a = self.sticky('wait', 'exec', program('ptb'))
        a.go()
        self.assert_stays(a.pid)
        self.service.write_rules('marker: comm=ptmarker {home} => marker\nother: comm=ptb {home} => b\n')
        self.service.reload()
        self.await_class(a.pid, 'b')

    def test_moved_by_hand_it_comes_back(self):
        a = self.sticky('wait', 'exec', program('ptb'))
        a.go()
        self.assert_stays(a.pid)
        with open(f'{machine.UNIFIED.path(self.service.home)}/cgroup.procs', 'w', encoding='ascii') as f:
            f.write(str(a.pid))
        self.service.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0)
        self.await_class(a.pid, 'a')


class IgnoreRt(Case):
    CLASSES = '[Class a]\n[Class b]\n'
    RULES = 'rt: comm=pta {home} => a ignore-rt\nbehind: comm=pt[ab] {home} => b\n'

    def realtime(self, policy):
        def become():
            cpu = machine.hierarchy_of('cpu')
            if cpu.version == 1:  # a group may have no budget for such processes; rules are about cgroup2 here
                with open(cpu.path('/', 'cgroup.procs'), 'w', encoding='ascii') as f:
                    f.write('0')
            os.sched_setscheduler(0, policy, os.sched_param(1))

        return self.spawn(path=program('pta'), before=become)

    def test_real_time_processes_are_left_alone(self):
        left = [self.realtime(os.SCHED_FIFO), self.realtime(os.SCHED_RR)]
        normal, behind = self.spawn(path=program('pta')), self.spawn(path=program('ptb'))
        self.await_class(normal.pid, 'a')
        self.await_class(behind.pid, 'b')
        self.assert_home(*(a.pid for a in left))
        x = self.service.explain(left[0].pid)
        self.assertEqual((x['Rule'], x['Ignored'], x['HolderDetail']), ('rt', True, 'real-time'))
        self.assertIn('leaves real-time processes alone', self.service.ctl('explain', str(left[0].pid)))

    def test_normal_again(self):
        a = self.realtime(os.SCHED_FIFO)
        self.assert_home(a.pid)
        os.sched_setscheduler(a.pid, os.SCHED_OTHER, os.sched_param(0))
        self.service.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0)
        self.await_class(a.pid, 'a')


class ExactV1(Case):
    CLASSES = '[Class a]\nCPUWeight=50\n[Class a/sub]\nCPUWeight=50\n'
    RULES = 'sub: uid=61210 {home} => a/sub\nplain: uid=61211 {home} => a\nexact: uid=61212 {home} => a exact\n'

    def test_below_its_class_it_is_left_alone_unless_exact(self):
        a = self.spawn('euid', 61210, 'wait', 'euid', 0, 'euid', 61211, 'say', 'done', 'wait', 'euid', 0, 'euid', 61212)
        for h in BOTH:
            self.await_class(a.pid, 'a/sub', h)
        a.go()
        self.assertEqual(a.line(), 'done')
        self.fence()
        for h in BOTH:
            self.assertTrue(self.in_class(a.pid, 'a/sub', h), self.where(a.pid))
        a.go()
        for h in BOTH:
            self.await_class(a.pid, 'a', h)


class BeforeExec(Case):
    CLASSES = '[Class a]\n'

    def test_it_is_refused_with_the_reason(self):
        with self.assertRaises(BusError) as caught:
            self.service.add_rule('hold: comm=pta {home} => a before-exec')
        self.assertIn('holding an exec takes CAP_SYS_ADMIN', str(caught.exception))
        a = self.spawn(path=program('pta'))
        self.assert_home(a.pid)

"""Moves under way: what is judged, executed, forked, removed or switched while the broker has not answered."""
import subprocess

from case import program
from faults import FaultCase, much
from figures import seen
from machine import place, wait_for


class UnderWay(FaultCase):
    def asked(self, n):
        wait_for(lambda: self.counter('broker_pending') >= n, lambda: f'{n} requests under way, not {self.counter("broker_pending")}')

    def exec_under(self, *names):
        """An actor that becomes each of the names in turn, at its own pace; each step waits for a line."""
        steps = []
        for n in names:
            steps += ['wait', 'exec', program(n), 'say', n]
        return self.spawn(*steps)

    def step(self, actor, name):
        actor.go()
        self.assertEqual(actor.line(), name)

    def test_two_execs_the_last_counts(self):
        a = self.exec_under('pt1', 'pt2')
        with self.stopped('broker'):
            self.step(a, 'pt1')
            self.asked(1)
            self.step(a, 'pt2')
        self.await_class(a.pid, 'b')
        self.assert_places({a.pid: 'b'})

    def test_back_to_the_class_it_still_is_in(self):
        """Judged in place, while a move away from there was under way."""
        a = self.exec_under('pt1', 'pt2', 'pt1')
        self.step(a, 'pt1')
        self.await_class(a.pid, 'a')
        with self.stopped('broker'):
            self.step(a, 'pt2')
            self.asked(1)
            self.step(a, 'pt1')
        self.fence()
        self.assert_places({a.pid: 'a'})

    def test_one_process_is_asked_for_once(self):
        """A process that changes as fast as it can while the broker does not answer does not fill the queue."""
        a = self.load('names', 5000, 'pt1', 'pt2')
        self.assertEqual(a.line(), 'done')
        self.await_class(a.pid, 'b')
        with self.stopped('broker'):
            b = self.load('names', 5000, 'pt1', 'pt2')
            self.assertEqual(b.line(), 'done')
            wait_for(lambda: self.counter('events_comm') > 10000, 'its events to be handled')
            self.assertLess(self.counter('broker_pending'), 20)
        self.await_class(b.pid, 'b')

    def test_children_forked_meanwhile(self):
        a = self.spawn('wait', 'exec', program('pt1'), 'fork', 'END', 'chain', 5)
        with self.stopped('broker'):
            a.go()
            children = [a.child() for _ in range(6)]
            self.asked(1)
        for pid in (a.pid, *children):
            self.await_class(pid, 'a')

    def removed_while_under_way(self, change):
        a = self.exec_under('pt9')
        path = self.service.add_rule('nine: comm=pt9 {home} => a')
        with self.stopped('broker'):
            self.step(a, 'pt9')
            self.asked(1)
            call = subprocess.Popen(change(path), stdout=subprocess.DEVNULL)
            wait_for(lambda: len(self.service.rules()) < 6 or self.mode() == 'observe', 'the change to be in force')
        self.assertEqual(call.wait(30), 0)
        return a, path

    def mode(self):
        return self.service.get('/Status', 'Status', 'Mode')

    def test_rule_removed(self):
        a, _ = self.removed_while_under_way(lambda path: ['busctl', 'call', 'org.pclass', '/Rules', 'org.pclass.Rules', 'Remove', 'oa{sv}',
                                                         path, '0'])
        self.settle()
        self.assertEqual(place(a.pid), self.service.home, self.where(a.pid))

    def test_rule_removed_and_added_again(self):
        a, _ = self.removed_while_under_way(lambda path: ['busctl', 'call', 'org.pclass', '/Rules', 'org.pclass.Rules', 'Remove', 'oa{sv}',
                                                         path, '0'])
        self.service.add_rule('nine: comm=pt9 {home} => b')
        self.settle()
        self.assert_places({a.pid: 'b'})

    def test_mode_switched(self):
        """Once SetMode has answered, nothing moves any more."""
        a, _ = self.removed_while_under_way(lambda path: ['busctl', 'call', 'org.pclass', '/Status', 'org.pclass.Status', 'SetMode', 's', 'observe'])
        was = place(a.pid)
        b = self.exec_under('pt1')
        self.step(b, 'pt1')
        self.settle()
        self.assertEqual(place(b.pid), self.service.home)
        self.assertEqual(place(a.pid), was)
        self.service.call('/Status', 'Status', 'SetMode', 's', 'enforce')
        self.await_class(b.pid, 'a')
        self.await_class(a.pid, 'a')

    def test_rule_removed_while_its_return_is_under_way(self):
        a = self.exec_under('pt9', 'pt1')
        path = self.service.add_rule('nine: comm=pt9 {home} => b')
        self.step(a, 'pt9')
        self.await_class(a.pid, 'b')
        with self.stopped('broker'):
            call = subprocess.Popen(['busctl', 'call', 'org.pclass', '/Rules', 'org.pclass.Rules', 'Remove', 'oa{sv}', path, '0'])
            self.asked(1)
            self.step(a, 'pt1')
        self.assertEqual(call.wait(30), 0)
        self.await_class(a.pid, 'a')
        self.settle()
        self.assert_places({a.pid: 'a'})


class Strangers(FaultCase):
    """The number of the process that is to be moved is given to another one before the broker writes."""
    RULES = FaultCase.RULES + 'victim: comm=ptvictim {home} => a\n'

    def victim_and_stranger(self, name, where):
        a = self.spawn('wait', 'exec', program('ptvictim'), 'say', 'here')
        with self.stopped('broker'):
            a.go()
            self.assertEqual(a.line(), 'here')
            wait_for(lambda: self.counter('broker_pending') >= 1, 'its move to be under way')
            a.close()
            self.actors.remove(a)
            taker = self.load('take', a.pid, name)
            lines = sorted(taker.line() for _ in range(2))
        self.assertEqual(lines[1], 'taken 1')
        wanted = {pid: where for pid in (a.pid, int(lines[0].split()[1]))}
        wait_for(lambda: not self.misplaced(wanted), lambda: f'everybody to be where he belongs: {self.misplaced(wanted)}')  # and nobody asks for a pass
        self.settle()
        return tuple(wanted)

    def test_a_stranger_goes_back_with_its_children(self):
        for _ in range(3):
            pid, child = self.victim_and_stranger('ptnobody', None)
            self.assert_places({pid: None, child: None})
        self.assertGreater(self.counter('strangers_hit'), 0)
        self.assertEqual(self.counter('strangers_returned'), self.counter('strangers_hit'))

    def test_a_stranger_with_a_rule_goes_where_that_says(self):
        pid, child = self.victim_and_stranger('pt2', 'b')
        self.assert_places({pid: 'b', child: 'b'})

    def test_children_of_a_stranger_that_was_hit(self):
        """It forks between the write and the way back, when it is in the class: the child is born there, and goes back with it, without anybody
        asking for a pass. The listener stands still meanwhile."""
        rounds, back, all_of_them = much(5, 50), 0, 0
        for _ in range(rounds):
            pids = self.stranger_with_children()
            wait_for(lambda p=pids: not self.misplaced({pid: None for pid in p}), lambda p=pids: f'{p} at home: {self.misplaced({pid: None for pid in p})}')
            self.settle()
            back += len(pids) - len(self.misplaced({pid: None for pid in pids}))
            all_of_them += len(pids)
            self.assert_places({pid: None for pid in pids})
        seen('stranger_children', rounds=rounds, children=all_of_them, back=back)

    def stranger_with_children(self):
        a = self.spawn('wait', 'exec', program('ptvictim'), 'say', 'here')
        with self.stopped('broker') as broker:
            a.go()
            self.assertEqual(a.line(), 'here')
            wait_for(lambda: self.counter('broker_pending') >= 1, 'its move to be under way')
            a.close()
            self.actors.remove(a)
            taker = self.load('take-late', a.pid, 'ptnobody')
            self.assertEqual(taker.line(), 'taken 1')
            self.fence_of_names(a.pid)
            with self.stopped('listener'):
                broker.go_on()
                wait_for(lambda: self.in_class(a.pid, 'a'), 'the write to hit the stranger')
                taker.go()
                child = taker.child()
                self.assertTrue(self.in_class(child, 'a'))
        return [a.pid, child]

    def fence_of_names(self, pid):
        """The stranger has its own name by now, and the listener has heard of it."""
        wait_for(lambda: name_of(pid) == 'ptnobody', 'the stranger to take its name')
        before = self.counter('heartbeats')
        wait_for(lambda: self.counter('heartbeats') > before, 'a heartbeat, which is queued behind that')


def name_of(pid):
    with open(f'/proc/{pid}/comm', encoding='utf-8') as f:
        return f.read().strip()

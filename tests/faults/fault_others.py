"""What others do behind our back: a process moved out of its class, as each setting of Sweep= has it."""
from case import program
from faults import FaultCase
from machine import UNIFIED, place, wait_for


class Repair(FaultCase):
    CONFIG = {'SweepSec': '1', 'Sweep': 'repair'}

    def taken_away(self):
        """A member that somebody moves home."""
        a = self.spawn('wait', 'exec', program('pt1'), 'wait', 'exec', program('pt2'), 'say', 'two')
        a.go()
        self.await_class(a.pid, 'a')
        with open(UNIFIED.path(self.service.home, 'cgroup.procs'), 'w', encoding='utf-8') as f:
            f.write(str(a.pid))
        return a

    def sweeps(self, n=2):
        before = self.counter('resyncs')
        wait_for(lambda: self.counter('resyncs') >= before + n and self.service.converged(), 'the sweep to come by')

    def event_takes_it_to_another_class(self, a):
        a.go()
        self.assertEqual(a.line(), 'two')
        self.await_class(a.pid, 'b')

    def test_moved_by_somebody_else(self):
        a = self.taken_away()
        self.await_class(a.pid, 'a', seconds=5)
        self.event_takes_it_to_another_class(a)


class Report(Repair):
    CONFIG = {'SweepSec': '1', 'Sweep': 'report'}

    def test_moved_by_somebody_else(self):
        a = self.taken_away()
        self.sweeps()
        self.assertEqual(place(a.pid), self.service.home)
        self.assertEqual(self.service.explain(a.pid)['HolderDetail'], 'moved by something else')
        self.assertIn(f'Process {a.pid} was moved out of its class by something else', self.service.log())
        self.assertEqual(self.statement()['Held'], 1)
        self.event_takes_it_to_another_class(a)


class Adopt(Repair):
    CONFIG = {'SweepSec': '1', 'Sweep': 'adopt'}

    def test_moved_by_somebody_else(self):
        a = self.taken_away()
        self.sweeps()
        self.assertEqual(place(a.pid), self.service.home)
        self.assertEqual(self.statement()['Held'], 0)
        self.event_takes_it_to_another_class(a)

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

    def left_by(self, a, sweep):
        """Everybody who asks is told that something else moved it, and which setting leaves it there."""
        why = ('moved', f'by something else (Sweep={sweep})')
        x = self.service.explain(a.pid)
        self.assertEqual((x['Holder'], x['HolderDetail']), why)
        self.assertEqual([(p['Holder'], p['HolderDetail']) for p in self.service.plan() if p['PID'] == a.pid], [why])
        self.assertIn(f'Moved out of its class: {why[1]}.\n', self.service.ctl('explain', str(a.pid)))

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
        self.left_by(a, 'report')
        self.assertIn(f'Process {a.pid} was moved out of its class by something else', self.service.log())
        self.assertEqual(self.statement()['Held'], 1)
        notes = [f for f in self.service.ctl('doctor', '--json') if f['Id'] == 'held']
        self.assertEqual([f['Problem'] for f in notes],
                         ['1 that rules match were moved out of their class by something else, and Sweep=report leaves them there'])
        self.assertIn('Sweep=repair', notes[0]['Remedy'])
        self.event_takes_it_to_another_class(a)


class Adopt(Repair):
    CONFIG = {'SweepSec': '1', 'Sweep': 'adopt'}

    def test_moved_by_somebody_else(self):
        a = self.taken_away()
        self.sweeps()
        self.assertEqual(place(a.pid), self.service.home)
        self.assertEqual(self.statement()['Held'], 0)
        self.left_by(a, 'adopt')
        self.event_takes_it_to_another_class(a)

"""Children that are born while the move of their parent is under way: many, by double forks, in chains, and without their parent's name."""
import os

from case import program
from faults import FaultCase, monotonic, much
from figures import seen
from machine import wait_for


class Forks(FaultCase):
    """Each round begins with an exec that matches; what is forked right behind it matches nothing by itself."""

    def rounds(self, key, n, one):
        """`one` makes processes and returns their pids; all of them belong in class a."""
        processes = 0
        for _ in range(n):
            pids = one()
            self.fence()
            wrong = self.assert_places({pid: 'a' for pid in pids})
            processes += len(pids)
            self.end_members('a')
            while self.actors:
                self.actors.pop().close()
        seen(key, processes=processes, misplaced=wrong)

    def fifty(self):
        a = self.spawn('exec', program('pt1'), *['fork', 'exec', program('ptnone'), 'END'] * 50)
        return [a.pid, *(a.child() for _ in range(50))]

    def doubled(self):
        a = self.spawn('exec', program('pt1'), *['orphan', 'exec', program('ptnone'), 'END'] * 20)
        return [a.pid, *(a.child() for _ in range(20))]

    def chain(self):
        a = self.spawn('exec', program('pt1'), 'chain', 100)
        return [a.pid, *(a.child() for _ in range(100))]

    def test_fifty_forks(self):
        self.rounds('forks', much(40, 100), self.fifty)

    def test_double_forks(self):
        self.rounds('double_forks', much(100, 250), self.doubled)

    def test_chain_of_100(self):
        self.rounds('chain', much(20, 50), self.chain)


class Siblings(FaultCase):
    """The kernel's event names the parent, who is not the one that made it: it is taken for somebody else's child."""
    CONFIG = {'SweepSec': '1', 'Sweep': 'repair'}

    def test_siblings_are_found_by_the_sweep(self):
        rounds, slowest = much(3, 20), 0
        for _ in range(rounds):
            a = self.load('sibling', 'pt1')
            with self.stopped('broker'):
                self.assertEqual(a.line(), 'named')
                wait_for(lambda: self.counter('broker_pending') >= 1, 'its move to be under way')
                a.go()
                pid = a.child()
            began = monotonic()
            try:
                self.await_class(a.pid, 'a')
                self.await_class(pid, 'a')
                slowest = max(slowest, monotonic() - began)
            finally:
                self.kill(pid)
                os.waitpid(pid, 0)  # its parent is this very process
        seen('clone_parent', rounds=rounds, found=rounds, slowest=round(slowest, 2))

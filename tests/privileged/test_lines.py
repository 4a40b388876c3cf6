"""Command lines that are not to be had in time: who was judged without its own is judged again long before the next slow sweep."""
import os
import signal

import machine
from case import Case, program
from machine import place, wait_for


class Silent(Case):
    CONFIG = {'SweepSec': '3600'}
    CLASSES = '[Class a]\n[Class b]\n'
    RULES = 'line: arg0=*/pta {home} => a\nname: comm=pta {home} => b\n'

    def readers(self):
        """Those that do the reading."""
        giver = self.service.daemons()['cmdline']  # of their work
        return [pid for pid in machine.members(self.service.cgroup) if machine.parent(pid) == giver]

    def silenced(self):
        """A process whose line nobody read: who does was stopped, and is given up. None if somebody else's line came before."""
        for pid in self.readers():
            os.kill(pid, signal.SIGSTOP)
        a = self.spawn(path=program('pta'))
        wait_for(lambda: place(a.pid) != self.service.home, 'it to be moved')
        if place(a.pid) == self.class_path('b'):  # what can be said without its line
            return a
        a.close()
        self.actors.remove(a)
        return None

    def test_looked_at_again(self):
        first = self.spawn(path=program('pta'))
        self.await_class(first.pid, 'a')
        self.assertTrue(self.readers())
        a = wait_for(self.silenced, 'a command line that is not read')
        self.assertGreater(self.counter('lines_silent'), 0)
        self.await_class(a.pid, 'a', seconds=30)
        self.assertTrue(self.in_class(first.pid, 'a'), self.where(first.pid))

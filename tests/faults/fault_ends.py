"""Processes of the service that end: killed at any moment under load, or by the kernel for a system call they may not make."""
import os
import random
import signal
import time

import machine
from case import program
from faults import FaultCase, monotonic, much
from machine import wait_for
from service import BusError

SEED = int(os.environ.get('PCLASS_SEED') or random.SystemRandom().randrange(1 << 32))


class Ends(FaultCase):
    def setUp(self):
        super().setUp()
        self.service.options = ['--supervise']
        self.service.start()

    START = False

    def role(self, name):
        """The serving broker is the child of the supervisor, which the roles of Service take for the exe reader."""
        return self.daemon('exereader' if name == 'broker' else name)

    def end_and_come_back(self, name, number=signal.SIGKILL):
        old = self.role(name)
        os.kill(old, number)
        began = monotonic()

        def back():
            try:
                return self.role(name) != old and self.service.state() == 'running' and self.service.converged()
            except (BusError, AssertionError):
                return False

        wait_for(back, lambda: f'the service to be back: {self.service.log()}', 20, step=0.02)
        self.service.note_own()
        return monotonic() - began


class Kill(Ends):
    def test_killed_at_many_points_under_load(self):
        print(f'     PCLASS_SEED={SEED}')
        rng = random.Random(SEED)
        slowest = 0
        began = monotonic()
        expected = {}
        stay = self.spawn(path=program('ptnone'))
        for i in range(much(12, 200)):
            expected[self.spawn(path=program('pt1')).pid] = 'a'
            a = self.load('storm', 300, 100)
            time.sleep(max(0, began + 1.3 - monotonic()))  # what dies young again and again is started again more slowly
            time.sleep(rng.random() * 0.1)  # the point of the protocol
            began = monotonic()
            slowest = max(slowest, self.end_and_come_back(rng.choice(['broker', 'listener', 'names'])))
            while (line := a.line(60)) != 'done':
                expected[int(line.split()[1])] = 'a'
            expected[stay.pid] = None
            self.fence()
            self.assert_places(expected)
        print(f'     slowest return {slowest:.2f} s')
        self.assertLess(slowest, 2)

    def test_origins_survive(self):
        """Every process goes home when its rule goes, whoever was killed in between."""
        self.service.add_rule('nine: comm=pt9 {home} => b')
        a = self.spawn(path=program('pt9'))
        self.await_class(a.pid, 'b')
        self.end_and_come_back('broker')
        self.service.remove_rule(next(r['Path'] for r in self.service.rules() if r['Name'] == 'nine'))
        self.await_home(a.pid)

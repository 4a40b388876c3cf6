"""Processes of the service that end: killed at any moment under load, or by the kernel for a system call they may not make."""
import os
import random
import select
import signal
import time

import machine
import tracer
from case import program
from faults import FaultCase, monotonic, much
from machine import wait_for
from service import BusError

CAP_SYS_PTRACE = 1 << 19
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


class Sandbox(Ends):
    """What a taken-over process of the service could ask of the kernel."""
    RULES = Ends.RULES + 'byexe: exe=/nowhere {home} => a\n'  # so that there is an exe reader
    ROLES = ('broker', 'listener', 'names', 'reader', 'cmdline')

    def role(self, name):
        """By what each holds: the supervised broker, its reader of programs, and the two that are programs of their own."""
        roles = {}
        for pid in machine.members(self.service.cgroup):
            try:
                with open(f'/proc/{pid}/cmdline', 'rb') as f:
                    program_name = os.path.basename(f.read().split(b'\0')[0].decode())
                fields = status(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
            if program_name == 'pclassd':
                roles['listener'] = pid
            elif program_name == 'pclass-names':
                roles['names'] = pid
            elif program_name == 'pclass-cmdline':
                roles['cmdline'] = min(pid, roles.get('cmdline', pid))
            elif pid != self.service.process.pid:
                roles['broker' if fields['Uid'].split()[0] == '0' else 'reader'] = pid
        return wait_for(lambda: roles.get(name), f'{name} among {roles}')

    def test_a_forbidden_call_ends_it_and_the_service_comes_back(self):
        a = self.spawn(path=program('pt1'))
        self.await_class(a.pid, 'a')
        for name in self.ROLES:
            for call in ('execve', 'mount'):
                with self.subTest(process=name, call=call):
                    time.sleep(1.1)  # what dies young again and again is started again more slowly
                    pid = self.role(name)
                    fd = os.pidfd_open(pid)
                    try:
                        tracer.force(pid, call)
                        wait_for(lambda: select.select([fd], [], [], 0)[0], f'{name} to be ended for {call}')
                    finally:
                        os.close(fd)
                    wait_for(self.back, lambda: f'the service to be back: {self.service.log()}', 20)
                    self.assertNotEqual(self.role(name), pid)
        self.fence()
        self.assert_places({a.pid: 'a'})
        self.assertIn('killed by signal 31', self.service.log())

    def back(self):
        try:
            return self.service.state() == 'running' and self.service.converged()
        except BusError:
            return False

    def test_each_is_as_small_as_it_is_said_to_be(self):
        for name in self.ROLES:
            with self.subTest(process=name):
                fields = status(self.role(name))
                self.assertEqual(fields['NoNewPrivs'], '1')
                self.assertEqual(fields['Seccomp'], '2')
                caps = {k: int(fields[k], 16) for k in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')}
                allowed = CAP_SYS_PTRACE if name == 'reader' else 0
                self.assertEqual(caps, {'CapInh': 0, 'CapPrm': allowed, 'CapEff': allowed, 'CapAmb': 0})
                if name != 'broker':
                    self.assertNotIn('0', fields['Uid'].split())
                    self.assertEqual(fields['Groups'], '')

    def test_descriptors_are_those_that_were_handed_over(self):
        for name, most in (('names', 5), ('reader', 6)):
            pid = self.role(name)
            kinds = {os.readlink(f'/proc/{pid}/fd/{fd}').split(':')[0] for fd in os.listdir(f'/proc/{pid}/fd')}
            self.assertLessEqual(len(os.listdir(f'/proc/{pid}/fd')), most, kinds)


def status(pid):
    with open(f'/proc/{pid}/status', encoding='utf-8') as f:
        return {k: v.strip() for k, v in (line.split(':', 1) for line in f)}

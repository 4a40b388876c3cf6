"""What every fault test starts from: a service that is started anew whenever it ends, ways to stop and starve its processes, and the
question that matters afterwards: is everybody in the right place?"""
import os
import signal
import time

import machine
from case import BIN, Case
from figures import SOAK
from machine import UNIFIED, place, wait_for

LOAD = os.path.join(BIN, 'load')
RULES = '''
one:  comm=pt1 {home} => a
two:  comm=pt2 {home} => b
stay: comm=ptstay {home} => a
storm: comm=ptstorm {home} => b
'''
CLASSES = '[Class a]\n[Class b]\n'


def much(short, long):
    """The size of a load: in the tests of every commit, and in the long form."""
    return long if SOAK else short


class FaultCase(Case):
    RULES, CLASSES = RULES, CLASSES

    def load(self, *steps, **how):
        return self.spawn(*steps, path=LOAD, **how)

    def daemon(self, role):
        return wait_for(lambda: self.service.daemons().get(role), f'a process in the part of {role}')

    def stopped(self, role):
        """A context in which that process of the service is stopped."""
        return Stopped(self.daemon(role))

    def statement(self):
        return self.service.get('/Status', 'Status', 'Convergence')

    def settle(self, seconds=30):
        """Everything asked has been answered, and a pass over all processes found nothing to do."""
        before = self.counter('resyncs')
        self.service.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0)
        wait_for(lambda: self.counter('resyncs') > before and self.service.converged() and self.counter('broker_pending') == 0,
                 lambda: f'everything to settle: {self.service.statement()}', seconds)

    def misplaced(self, expected):
        """expected: {pid: class or None for home}. The real cgroups are asked; {pid: (wanted, place)} of those that are elsewhere."""
        wrong = {}
        for pid, name in expected.items():
            p = place(pid)
            if not (p == self.service.home if name is None else self.in_class(pid, name)):
                wrong[pid] = (name, p)
        return wrong

    def assert_places(self, expected):
        """Returns how many are misplaced, which is 0."""
        wrong = self.misplaced(expected)
        self.assertEqual(wrong, {}, f'{len(wrong)} of {len(expected)} misplaced')
        return len(wrong)

    def survivors(self, load, seconds=120):
        """The pids that a load says, up to its "done"."""
        pids = []
        while (line := load.line(seconds)) != 'done':
            pids.append(int(line.split()[1]))
        return pids

    def end_members(self, name):
        """Ends everybody in a class of the test, and waits until they are gone."""
        path = UNIFIED.path(self.class_path(name))
        if os.path.isdir(path):
            with open(f'{path}/cgroup.kill', 'w', encoding='utf-8') as f:
                f.write('1')
            wait_for(lambda: not machine.members(self.class_path(name)), f'class {name} to be empty')


class Stopped:
    def __init__(self, pid):
        self.pid, self.started = pid, machine.start_time(pid)
        self.fd = os.pidfd_open(pid)

    def __enter__(self):
        signal.pidfd_send_signal(self.fd, signal.SIGSTOP)
        wait_for(lambda: state(self.pid) == 'T', f'{self.pid} to stop')
        return self

    def go_on(self):
        """Before the end of the block."""
        signal.pidfd_send_signal(self.fd, signal.SIGCONT)

    def __exit__(self, *_):
        self.go_on()
        os.close(self.fd)


def state(pid):
    with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as f:
        return f.read().rpartition(')')[2].split()[0]


def status_kib(pid, field):
    with open(f'/proc/{pid}/status', encoding='utf-8') as f:
        for line in f:
            if line.startswith(field + ':'):
                return int(line.split()[1])
    raise KeyError(field)


def monotonic():
    return time.monotonic()

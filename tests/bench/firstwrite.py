"""The first write to cgroup.procs after a moment of idleness: the kernel waits for a grace period of RCU before it. How long, and what shortens it.
/sys/kernel/rcu_expedited is the machine's: it is set for some seconds, and set back whatever happens."""
import os
import subprocess
import time

import machine
from contest import RIG, Ours
from figures import Spread
from measure import latencies, percentile

EXPEDITED = '/sys/kernel/rcu_expedited'
WRITES, PAUSE = 20, 0.1


def write_setting(value):
    with open(EXPEDITED, 'w', encoding='ascii') as f:
        f.write(value)


def series(pid, files):
    """Microseconds of each of WRITES moves between two groups, PAUSE seconds apart."""
    took = []
    for i in range(WRITES):
        time.sleep(PAUSE)
        began = time.perf_counter_ns()
        os.write(files[i % 2], str(pid).encode())
        took.append((time.perf_counter_ns() - began) / 1000)
    return took


class Expedited:
    """As long as the block goes on."""

    def __enter__(self):
        with open(EXPEDITED, encoding='ascii') as s:
            self.before = s.read().strip()
        write_setting('1')

    def __exit__(self, *_):
        write_setting(self.before)


def bare_writes(f):
    groups = [f'{RIG}/first-{name}' for name in 'ab']
    files = [os.open(machine.UNIFIED.path(machine.make_cgroup(g), 'cgroup.procs'), os.O_WRONLY) for g in groups]
    sleeper = subprocess.Popen(['sleep', 'infinity'])
    plain, expedited = [], []
    try:
        for _ in range(f.rounds):
            plain += series(sleeper.pid, files)
            with Expedited():
                expedited += series(sleeper.pid, files)
    finally:
        sleeper.kill()
        sleeper.wait()
        for fd in files:
            os.close(fd)
        for g in groups:
            machine.remove_cgroup(g)
    return plain, expedited


def first_write(f):
    for name, took in zip(('as it is', f'with {EXPEDITED} set'), bare_writes(f)):
        f.add('first_write', f'a write to cgroup.procs after {PAUSE * 1000:.0f} ms of idleness, {name}', 'none', Spread([us / 1000 for us in took]), None, unit=' ms')
    plain, expedited = [], []
    d = Ours(10)
    try:
        for _ in range(f.rounds):
            plain.append(percentile(latencies(f.count(15), 150), 50))
            with Expedited():
                expedited.append(percentile(latencies(f.count(15), 150), 50))
    finally:
        d.stop()
    f.add('idle_expedited', f'exec to class, after idle, calm, p50: as it is / with {EXPEDITED} set', 'none', Spread.ratio(plain, expedited), None,
          note=f'{plain[len(plain) // 2]:.0f} / {expedited[len(expedited) // 2]:.0f} us')

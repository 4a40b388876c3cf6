"""Running the load programs, and what one session with one daemon measures."""
import json
import os
import subprocess
import time

from contest import LOAD, MOVED, MOVED_BY_FOUR, STAYING, connector_socket, cpu_ns
from machine import wait_for

STAY, MOVE = f'{LOAD}/ptnone', f'{LOAD}/ptmove'


def load(*args, timeout=120):
    """Runs it to its end; its JSON."""
    r = subprocess.run([f'{LOAD}/load', *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=timeout)
    return json.loads(r.stdout)


class Background:
    """A load program that stays until the block ends."""

    def __init__(self, *args, ready=None, take_output=False):
        self.process = subprocess.Popen([f'{LOAD}/load', *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ready, self.take_output, self.output = ready, take_output, None

    def __enter__(self):
        if self.ready and self.process.stdout.readline().strip() != self.ready:
            raise AssertionError(f'{self.process.args} did not say {self.ready}')
        return self

    def __exit__(self, *_):
        if self.take_output:
            self.process.terminate()
        try:
            text = self.process.communicate(timeout=60)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        if self.take_output:
            self.output = json.loads(text)


class Burners:
    """Keeps every core busy."""

    def __enter__(self):
        self.processes = [subprocess.Popen([f'{LOAD}/load', 'burn', '20000']) for _ in range(os.cpu_count())]
        return self

    def __exit__(self, *_):
        for p in self.processes:
            p.kill()
            p.wait()


def forks():
    """Processes and threads begun on the whole machine so far."""
    with open('/proc/stat', encoding='ascii') as f:
        return int(next(line for line in f if line.startswith('processes')).split()[1])


def cost_staying(daemon, count):
    """CPU microseconds per process that executes and needs no move; and how much of the machine's forks was not ours."""
    before = forks()
    ns, result = daemon.cost(lambda: load('spawn', count, STAYING, 2, STAY, ''))
    assert result['good'] == count, result
    return ns / count / 1000, (forks() - before) / count - 1


def cost_moving(daemon, count, four):
    """CPU microseconds per process that executes and is moved."""
    uid, marker = (MOVED_BY_FOUR, '/benchfour') if four else (MOVED, '/benchdest')
    ns, result = daemon.cost(lambda: load('spawn', count, uid, 8, MOVE, marker))
    # On a crowded machine the others miss some for good, which makes them cheaper; ours may not.
    assert result['good'] >= count * (0.9 if daemon.name == 'pclass' else 0.5), (daemon.name, result)
    return ns / count / 1000, result['good'] / count


def latencies(count, gap_ms):
    """Microseconds from exec to class, one process after another; None for one that was not placed within a second."""
    return load('latency', count, MOVED, gap_ms, MOVE, '/benchdest')


def percentile(values, p):
    """Of those that were placed; the ones that never were count as the worst."""
    values = sorted(v if v is not None else 1e6 for v in values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def drain(pid, count, how):
    """Lets the listener's queue fill while it is stopped, then takes its CPU nanoseconds per event (a birth and an end each make one)."""
    loader = subprocess.Popen([f'{LOAD}/load', 'rate', how, str(count), str(STAYING), STAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(0.05)  # the loader itself is judged before: else each of its children had to be, as forked before anybody saw their parent
    os.kill(pid, 19)  # SIGSTOP: a process that the benchmark started
    try:
        loader.communicate('\n')
        queued, dropped = connector_socket(pid)
        before = cpu_ns([pid])
    finally:
        os.kill(pid, 18)
    wait_for(lambda: connector_socket(pid)[0] == 0, 'the queue to be empty', step=0.001)
    time.sleep(0.02)
    assert queued > 0
    if connector_socket(pid)[1] != dropped:
        raise AssertionError('events were lost in a measurement that should lose none')
    return (cpu_ns([pid]) - before) / (count * (3 if how == 'exec' else 2))


def storm(daemon, count, flight):
    """(processes a second, events that the listener's socket dropped)"""
    before = connector_socket(daemon.listener())[1]
    result = load('spawn', count, STAYING, flight, STAY, '')
    daemon.settle()
    after = connector_socket(daemon.listener())
    return count / result['seconds'], after[1] - before

"""Events that never come: a silent socket, an overflowing one, a stopped broker or listener, forged datagrams."""
import contextlib
import ctypes
import os
import re
import socket
import statistics
import struct
import subprocess
import time

import machine
from case import program
from faults import FaultCase, monotonic, much, status_kib
from figures import ran, seen, spread, waited
from machine import wait_for

SYS_PIDFD_GETFD = 438
SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, CN_IDX_PROC = 270, 2, 1
LIBC = ctypes.CDLL(None, use_errno=True)


def netlink_sockets(pid):
    """Numbers of the netlink sockets that a process holds."""
    with open(f'/proc/{pid}/net/netlink', encoding='utf-8') as f:
        inodes = {line.split()[9] for line in f.readlines()[1:] if line.split()[1] == '11'}
    found = []
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            target = os.readlink(f'/proc/{pid}/fd/{fd}')
        except FileNotFoundError:
            continue
        if target.startswith('socket:[') and target[8:-1] in inodes:
            found.append(int(fd))
    return sorted(found)


def netlink_lines(pid):
    """What the kernel says of each connector socket of that process, as fields."""
    inodes = {os.readlink(f'/proc/{pid}/fd/{fd}')[8:-1] for fd in netlink_sockets(pid)}
    with open(f'/proc/{pid}/net/netlink', encoding='utf-8') as f:
        return [line.split() for line in f.readlines()[1:] if line.split()[9] in inodes]


def dropped(pid):
    """Events that the kernel threw away for want of room in the process's connector sockets, as it says itself."""
    return sum(int(fields[8]) for fields in netlink_lines(pid))


def silence(pid, fd):
    """The kernel sends nothing more on that socket of that process: it leaves the group, without a word to its owner."""
    pidfd = os.pidfd_open(pid)
    try:
        mine = LIBC.syscall(SYS_PIDFD_GETFD, pidfd, fd, 0)
        if mine < 0:
            raise OSError(ctypes.get_errno(), 'pidfd_getfd')
    finally:
        os.close(pidfd)
    with socket.socket(fileno=mine) as s:
        s.setsockopt(SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, CN_IDX_PROC)


class Silence(FaultCase):
    """HeartbeatSec is 1."""

    def fall_silent(self):
        pid = self.daemon('listener')
        sockets = netlink_sockets(pid)
        self.assertGreaterEqual(len(sockets), 1)
        missed = self.counter('heartbeats_missed')
        silence(pid, sockets[0])
        began = monotonic()
        lost = self.spawn(path=program('pt1'))  # nobody is told of it
        wait_for(lambda: self.counter('heartbeats_missed') > missed, 'the silence to be noticed', step=0.02)
        took = monotonic() - began
        self.assertLess(took, 1.3 if os.getloadavg()[0] < 4 else 3, 'longer than a heartbeat')  # 1 s and a quarter for the echo
        self.await_class(lost.pid, 'a', seconds=2)
        later = self.spawn(path=program('pt2'))
        self.await_class(later.pid, 'b', seconds=2)
        self.assertEqual(self.service.state(), 'running')
        return took

    def test_noticed_within_a_heartbeat_reopened_and_repaired(self):
        rounds = much(3, 20)
        slowest = max(self.fall_silent() for _ in range(rounds))
        if not self.WITHOUT:
            seen('silence', rounds=rounds, slowest=round(slowest, 2))


class SilenceOnOldKernels(Silence):
    """Where only privilege may subscribe: the broker has left two sockets in reserve."""
    WITHOUT = 'event-mask'

    def test_reserve_is_handed_over(self):
        self.assertEqual(len(netlink_sockets(self.daemon('listener'))), 3)


class Overflow(FaultCase):
    def test_listener_stopped_while_20000_are_forked(self):
        """Loss is counted, and nobody is left behind by it."""
        n = much(20000, 60000)
        with self.stopped('listener'):
            pids = self.survivors(self.load('storm', n, n // 200))
        began = monotonic()
        wait_for(lambda: all(self.in_class(p, 'a') for p in pids),
                 lambda: f'{sum(not self.in_class(p, "a") for p in pids)} of {len(pids)} misplaced', 30)
        took = monotonic() - began
        self.assertEqual(len(pids), 200)
        wait_for(lambda: self.counter('events_lost') > 0, 'the loss to be told')
        self.settle()
        wrong = self.assert_places({p: 'a' for p in pids})
        listener = self.daemon('listener')
        wait_for(lambda: self.counter('events_lost') == dropped(listener), lambda: f'{self.counter("events_lost")} counted, {dropped(listener)} by the kernel')
        seen('overflow', forks=n, survivors=len(pids), misplaced=wrong, lost=self.counter('events_lost'), kernel_lost=dropped(listener), took=round(took, 2))
        text = self.service.ctl('status')
        self.assertIn(str(self.counter('events_lost')), text)


class Repair(FaultCase):
    def repairs(self):
        """(lost, moved) of each closing line."""
        with open(f'{self.service.dir}/log', encoding='utf-8', errors='replace') as f:
            return [(int(a), int(b)) for a, b in re.findall(r'All is right again after (\d+) lost events: \d+ processes checked, (\d+) moved', f.read())]

    def test_its_end_is_told_and_the_statement_is_of_all_of_it(self):
        """Whoever asks for another look meanwhile does not take the moves out of the statement."""
        moved = self.counter('moves_done')
        with self.stopped('broker'):
            with self.stopped('listener'):
                pids = self.survivors(self.load('storm', 20000, 100))
            wait_for(lambda: self.counter('events_lost') > 0 and self.service.get('/Status', 'Status', 'MovesPending') >= 100, 'the repair to begin')
            again = subprocess.Popen(['busctl', 'call', 'org.pclass', '/Status', 'org.pclass.Status', 'Reclassify', 'a{sv}', '0'])
            time.sleep(0.3)
        self.assertEqual(again.wait(), 0)
        wait_for(lambda: sum(lost for lost, _ in self.repairs()) == self.counter('events_lost'), lambda: f'the end to be told, not {self.repairs()}')
        self.assert_places({p: 'a' for p in pids})
        self.assertEqual(sum(m for _, m in self.repairs()), self.counter('moves_done') - moved)
        self.assertEqual(self.statement()['Moved'], self.repairs()[-1][1])
        self.assertGreaterEqual(self.statement()['Moved'], 100)


class Storm(FaultCase):
    def test_the_storm_of_short_lived_ones(self):
        n = much(20000, 100000)
        pids = self.survivors(self.load('storm', n, n // 200))
        self.fence()
        self.assert_places({p: 'a' for p in pids})
        self.settle()
        wrong = self.assert_places({p: 'a' for p in pids})
        self.assertEqual(self.statement()['Wrong'], 0)
        seen('storm', processes=n, survivors=len(pids), misplaced=wrong, lost=self.counter('events_lost'), gone=self.counter('moves_failed_gone'))


class StoppedBroker(FaultCase):
    SECONDS = 10

    def answer_ms(self):
        began = monotonic()
        self.assertIsNotNone(self.counter('decisions'))
        return (monotonic() - began) * 1000

    def test_memory_is_bounded_and_the_bus_answers(self):
        n = much(3000, 20000)
        listener = self.daemon('listener')
        before = status_kib(listener, 'VmRSS')
        answers = []
        with self.stopped('broker'):
            began = monotonic()
            pids = self.survivors(self.load('storm', n, n // 200))
            wait_for(lambda: self.counter('broker_pending') > 0, 'requests to be under way')
            while monotonic() - began < self.SECONDS or len(answers) < 10:
                answers.append(self.answer_ms())
                time.sleep(0.2)  # a question now and then, for as long as it stands still
            grown = status_kib(listener, 'VmRSS') - before
        self.assertLess(grown, 64 * 1024)
        self.assertLess(sorted(answers)[len(answers) // 2], 1000)
        self.settle(60)
        wrong = self.assert_places({p: 'a' for p in pids})
        seen('stopped_broker', processes=n, seconds=self.SECONDS, grown_kib=grown, calls=len(answers), slowest_ms=round(max(answers)), misplaced=wrong)


class SilentBroker(FaultCase):
    def problems(self, status):
        return {f['Id'] for f in self.service.ctl('doctor', '--json', status=status) if f['Severity'] == 'problem'}

    def pending(self):
        return self.service.get('/Status', 'Status', 'MovesPending')

    def test_status_and_doctor_tell_of_a_stopped_broker(self):
        """Never "0 wrong" alone while moves wait. HeartbeatSec is 1, so it is late after three quarters of that."""
        with open(f'{self.service.dir}/monitor', 'w+', encoding='utf-8') as seen_by_others:
            monitor = subprocess.Popen(['pclassctl', 'monitor'], stdout=seen_by_others)
            self.addCleanup(lambda: (monitor.kill(), monitor.wait()))
            with self.stopped('broker'):
                for _ in range(5):
                    self.spawn(path=program('pt1'))
                wait_for(lambda: self.pending() == 5, lambda: f'5 moves to be under way, not {self.pending()}')
                self.assertIn('0 wrong, 0 held, 5 moves under way', self.service.ctl('status'))
                wait_for(lambda: self.service.state() == 'degraded', 'the silence to be noticed', 3)
                self.assertGreaterEqual(self.service.get('/Status', 'Status', 'BrokerSilentUSec'), 750000)
                wait_for(lambda: 'has not answered for ' in self.service.ctl('status'), 'the broker to be late')
                self.assertIn('degraded: the broker does not answer', self.service.ctl('status'))
                self.assertEqual(self.problems(1), {'broker-silent'})
            wait_for(lambda: self.service.state() == 'running' and self.pending() == 0, 'everything to be answered')
            self.assertEqual(self.problems(0), set())
            self.assertIn('The broker answers again', self.service.log())

            def states():
                seen_by_others.seek(0)
                return [w for line in seen_by_others for w in ('running', 'degraded') if w in line]
            wait_for(lambda: states() == ['running', 'degraded', 'running'], lambda: f'both changes to be announced, not {states()}')


class Resync(FaultCase):
    """10,000 processes that are looked at anew: half of them members of a class, half of them nobody's."""
    CROWD, LIMIT = 10000, 1.0

    def reclassify(self):
        self.service.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0)

    def done_since(self, before):
        """A run of passes has ended since, no other one has begun, and every answer is there."""
        s, counters = self.statement(), self.service.counters()
        return s['Since'] > before and s['Converged'] and counters['broker_pending'] == 0 and s

    def one_pass(self, listener):
        """(seconds that it took, those of them that the listener waited for a processor, and those that it had one)"""
        before, used, stood = self.statement()['Since'], ran([listener]), waited([listener])
        self.reclassify()
        s = wait_for(lambda: self.done_since(before), lambda: f'a pass: {self.service.statement()}', 60, step=0.05)
        self.assertGreaterEqual(s['Checked'], self.CROWD)
        return s['Took'] / 1e6, waited([listener]) - stood, ran([listener]) - used

    def after_a_loss(self, pids):
        """The same three from the moment that the listener goes on, events of theirs lost by thousands, until the statement holds again and
        each one that stayed is in its class; and how many stayed."""
        before = self.statement()['Since']
        with self.stopped('listener'):
            stayed = self.survivors(self.load('storm', 20000, 100))
            used, stood, began = ran(pids), waited(pids), monotonic()
        s = wait_for(lambda: self.done_since(before) and all(self.in_class(p, 'a') for p in stayed) and self.done_since(before),
                     lambda: f'the repair of a loss: {self.service.statement()}', 60, step=0.02)
        took = monotonic() - began, waited(pids) - stood, ran(pids) - used
        self.assertGreater(self.counter('events_lost'), 10000)
        self.assertGreaterEqual(s['Checked'], self.CROWD + len(stayed))
        return (*took, len(stayed))

    def assert_in_time(self, took, stood):
        """By the clock; what the machine had no processor for is not ours."""
        self.assertLess(took - stood, self.LIMIT, f'{took:.2f} s, of which it waited {stood:.2f} s for a processor')

    def test_resync_of_a_crowd(self):
        members, others = (self.load('crowd', self.CROWD // 2, name) for name in ('ptstay', 'ptnobody'))
        for c in (members, others):
            self.assertEqual(c.line(60), 'done')
        self.settle(60)
        listener, broker = self.daemon('listener'), self.daemon('broker')
        passes = [self.one_pass(listener) for _ in range(much(5, 20))]
        again, again_waited, again_ran, stayed = self.after_a_loss([listener, broker])
        wrong = len(machine.members(self.service.home)) - 2 - self.CROWD // 2  # this load and the crowd of nobody
        self.assertEqual(len(machine.members(self.class_path('a'))), stayed + 1 + self.CROWD // 2)
        median, slowest = spread([t for t, *_ in passes])
        seen('resync', processes=self.statement()['Checked'], rounds=len(passes), median=median, slowest=slowest,
             slowest_waited=round(max(passes)[1], 2), own=round(statistics.median(own for *_, own in passes), 2), lost=self.counter('events_lost'),
             again=round(again, 2), again_waited=round(again_waited, 2), again_ran=round(again_ran, 2), misplaced=wrong)
        self.assertEqual(wrong, 0)
        for took, stood, _ in [*passes, (again, again_waited, 0)]:
            self.assert_in_time(took, stood)


class Forged(FaultCase):
    def test_datagrams_of_others_are_not_events(self):
        """A fork event that makes a process of ours the child of a member, from a socket that is not the kernel's."""
        a = self.spawn(path=program('pt1'))
        self.await_class(a.pid, 'a')
        b = self.spawn(path=program('ptnone'))
        listener = self.daemon('listener')
        ports = [int(fields[2]) for fields in netlink_lines(listener)]
        event = struct.pack('=IIQ', 1, 0, 1 << 62) + struct.pack('=IIII', a.pid, a.pid, b.pid, b.pid) + bytes(16)
        message = struct.pack('=IIIIHH', 1, 1, 0, 0, len(event), 0) + event
        datagram = struct.pack('=IHHII', 16 + len(message), 3, 0, 0, 0) + message
        refused = 0
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 11) as s:
            s.bind((0, 0))
            for port in ports:
                try:
                    s.sendto(datagram, (port, 0))
                except OSError:
                    refused += 1
        self.assertGreater(len(ports), 0)
        self.fence()
        self.settle()
        wrong = self.assert_places({a.pid: 'a', b.pid: None})
        refused += self.counter('events_foreign')
        seen('forged', sockets=len(ports), refused=refused, misplaced=wrong)
        self.assertEqual(refused, len(ports))


class Shortage(FaultCase):
    """No descriptors left: nothing is lost for good, nobody goes anywhere wrong."""

    def limit_files(self, pid, limit):
        """As the user that it runs as: nobody else needs a right for that."""
        subprocess.run(['prlimit', f'--pid={pid}', f'--nofile={limit}:'], user='pclass', group='pclass', check=True)

    def first_free(self, pid):
        """The lowest number that no descriptor has for long: what is looked at has one for a moment, which would be one to spare afterwards."""
        held = set(map(int, os.listdir(f'/proc/{pid}/fd')))
        for _ in range(20):
            time.sleep(0.01)  # what was there all the time stays
            held &= set(map(int, os.listdir(f'/proc/{pid}/fd')))
        return min(set(range(len(held) + 1)) - held)

    def starve(self, listener):
        """A descriptor that was held for a moment all the same leaves one to spare: then again."""
        for _ in range(5):
            before = self.counter('shortages')
            self.limit_files(listener, self.first_free(listener))
            with contextlib.suppress(AssertionError):
                self.spawn(path=program('ptnone'))
                wait_for(lambda: self.counter('shortages') > before, 'a look that has no descriptor', 3)
                return
            self.limit_files(listener, 16384)
        self.fail('the listener has descriptors to spare')

    def test_listener_without_descriptors(self):
        listener = self.daemon('listener')
        self.starve(listener)
        try:
            decided = self.counter('shortages')
            actors = [self.spawn(path=program('pt1')) for _ in range(10)]
            wait_for(lambda: self.counter('shortages') >= decided + 10, 'each of them to be noticed')
            self.assertGreater(sum(not self.in_class(a.pid, 'a') for a in actors), 0)
        finally:
            self.limit_files(listener, 16384)
        for a in actors:
            self.await_class(a.pid, 'a', seconds=5)
        self.settle()
        self.assertEqual(self.statement()['Wrong'], 0)
        wrong = self.assert_places({a.pid: 'a' for a in actors})
        seen('shortage', processes=len(actors), noticed=self.counter('shortages'), misplaced=wrong)

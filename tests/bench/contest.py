"""The two that are compared: pclass as installed in the rig, and cgrulesengd of Debian's cgroup-tools. Each gets the same rules in its own
language, none of which can take a process that the benchmark did not start: they name users and uids that exist in the rig alone."""
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'privileged'))
# pylint: disable=wrong-import-position
import machine
from machine import wait_for
from service import RIG, Service

LOAD = os.environ['PCLASS_BENCH_LOAD']  # directory with the load program under its names
MOVED, MOVED_BY_FOUR, STAYING, NOBODY, SLEEPING = 61240, 61243, 61241, 61242, 61244
ONE, FOUR = ('pids',), ('cpu', 'cpuacct', 'memory', 'pids')
OUR_FOUR = FOUR[1:]  # and cgroup2, where every class of ours is: as many hierarchies as the peer's; a class of one is in cgroup2 alone
USERS = 334  # of the rig's user database, with a group each: pbu0 .. and pbg0 ..; the peer reads it anew for every event, so it is not large
USER_BASE = 700000
CLASSES = f'[Class benchdest]\n[Class benchfour]\nHierarchies={" ".join(OUR_FOUR)}\n'


def add_users():
    """Into the overlay of the rig, by hand: useradd would take minutes for thousands."""
    assert os.environ.get('PCLASS_RIG'), 'only in a rig'
    with open('/etc/passwd', encoding='utf-8') as f:
        if 'pbmove:' in f.read():
            return
    named = [('pbmove', MOVED), ('pbfour', MOVED_BY_FOUR), ('pbstay', STAYING), ('pbnobody', NOBODY), ('pbsleep', SLEEPING)]
    with open('/etc/passwd', 'a', encoding='utf-8') as p, open('/etc/group', 'a', encoding='utf-8') as g:
        for name, uid in [*named, *((f'pbu{i}', USER_BASE + i) for i in range(USERS))]:
            p.write(f'{name}:x:{uid}:{uid}::/:/bin/false\n')
            g.write(f'{name.replace("pbu", "pbg")}:x:{uid}:\n')


def rule_mix(n):
    """n - 3 rules that nobody satisfies, a third each of programs, users and groups, as (kind, number)."""
    return [(('program', 'user', 'group')[i % 3], i // 3) for i in range(n - 3)]


def cpu_ns(pids):
    """CPU time of processes with all their threads so far."""
    total = 0
    for pid in pids:
        try:
            for task in os.listdir(f'/proc/{pid}/task'):
                with open(f'/proc/{pid}/task/{task}/schedstat', encoding='ascii') as f:
                    total += int(f.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def pss_kb(pids):
    total = 0
    for pid in pids:
        with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as f:
            total += int(next(line for line in f if line.startswith('Pss:')).split()[1])
    return total


def connector_socket(pid):
    """(bytes queued, events dropped) of the process's connector socket."""
    inodes = set()
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            link = os.readlink(f'/proc/{pid}/fd/{fd}')
        except FileNotFoundError:
            continue
        if link.startswith('socket:['):
            inodes.add(link[8:-1])
    with open('/proc/net/netlink', encoding='ascii') as f:
        for line in f:
            fields = line.split()
            if fields[1] == '11' and fields[9] in inodes:
                return int(fields[4]), int(fields[8])
    return None


class Daemon:
    """What both have: pids whose cost counts, and the one that listens."""
    name = ''

    def pids(self):
        raise NotImplementedError

    def listener(self):
        raise NotImplementedError

    def settle(self, seconds=5, still=0.06):
        """Waits until it has gone through its queue: no CPU time for a moment (or next to none: the machine is never quite still)."""
        deadline, before = time.monotonic() + seconds, cpu_ns(self.pids())
        while time.monotonic() < deadline:
            time.sleep(still)
            now = cpu_ns(self.pids())
            if now - before < still * 1e9 * 0.02:
                return
            before = now

    def cost(self, work):
        """(CPU ns that the daemon spent because of work(), what work returned)"""
        self.settle()
        before = cpu_ns(self.pids())
        result = work()
        self.settle(still=0.02)
        return cpu_ns(self.pids()) - before, result


class Ours(Daemon):
    name = 'pclass'

    def __init__(self, rules, config=None):
        """rules: how many of the mix, or the text of a rule file (then without the check: the caller's business)."""
        config = {'HeartbeatSec': '5', **(config or {})}
        self.service = Service('', CLASSES, '', config)
        self.service.options = ['--log-level=notice']
        self.write(rules if isinstance(rules, str) else self.text(rules))
        self.service.start()

    @staticmethod
    def text(n):
        write = {'program': lambda i: f'comm=prog{i} uid={NOBODY}', 'user': lambda i: f'user=pbu{i % USERS}',
                 'group': lambda i: f'member=pbg{i % USERS}'}
        lines = [f'r{k}: {write[kind](i)} => benchdest' for k, (kind, i) in enumerate(rule_mix(n))]
        return '\n'.join([*lines, f'moved: uid={MOVED} comm=ptmove => benchdest', f'movedfour: uid={MOVED_BY_FOUR} comm=ptmove => benchfour',
                          f'sleeping: uid={SLEEPING} => benchdest', ''])

    def write(self, text):
        self.service.write_rules(text, unchecked=True)

    def pids(self):
        return self.service.daemons().values()

    def listener(self):
        return self.service.daemons()['listener']

    def stop(self):
        self.service.destroy()


class Places:
    """Cgroups for a contestant that makes none itself."""

    def __init__(self, top):
        self.top = top
        for folder in self.folders():
            os.makedirs(folder, exist_ok=True)

    def folders(self):
        """Those of one class, then those of the other."""
        return [h.path(f'{self.top}/{name}') for name, controllers in (('benchdest', ONE), ('benchfour', FOUR))
                for h in machine.HIERARCHIES if set(h.controllers) & set(controllers)]

    def files(self, name):
        return [f'{folder}/cgroup.procs' for folder in self.folders() if folder.endswith(name)]

    def remove(self):
        """Who still lives leaves them, so that they can go."""
        for folder in self.folders():
            home = folder.split(RIG)[0] + RIG + '/run/cgroup.procs'
            with open(f'{folder}/cgroup.procs', encoding='ascii') as f, open(home, 'w', encoding='ascii', buffering=1) as out:
                for pid in f.read().split():
                    try:
                        out.write(f'{pid}\n')
                    except ProcessLookupError:
                        pass
            wait_for(lambda f=folder: _gone(f), f'{folder} to be empty')
        for h in machine.HIERARCHIES:
            if os.path.isdir(h.path(self.top)):
                os.rmdir(h.path(self.top))


class Floor(Daemon):
    """A loop that receives and does no more: what hearing of an event costs at least. With a class's name it moves besides, into a cgroup of each of
    its hierarchies: what a move costs at least; apart: by a process of its own. pause_us: it lets events gather for so long."""
    name = 'floor'

    def __init__(self, name=None, pause_us=0, apart=False):
        self.places = Places(f'{RIG}/floor') if name else None
        what = ['pair' if apart else 'mover', '0x80000047', MOVED if name == 'benchdest' else MOVED_BY_FOUR, *self.places.files(name)] if name else ['bare', '0x80000047', *([pause_us] if pause_us else [])]
        self.process = subprocess.Popen([f'{LOAD}/load', *map(str, what)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != 'listening':
            raise AssertionError('the bare loop does not listen')
        with open(f'/proc/{self.process.pid}/task/{self.process.pid}/children', encoding='ascii') as f:
            self.children = [int(pid) for pid in f.read().split()]

    def pids(self):
        return [self.process.pid, *self.children]

    def listener(self):
        return self.process.pid

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=60)
        if self.places:
            self.places.remove()


class Peer(Daemon):
    name = 'cgrulesengd'

    def __init__(self, rules):
        self.top = f'{RIG}/peer'
        self.places = Places(self.top)
        os.makedirs('/etc/cgconfig.d', exist_ok=True)  # it does not start without this and an empty cgconfig.conf
        with open('/etc/cgconfig.conf', 'a', encoding='utf-8'):
            pass
        with open('/etc/cgrules.conf', 'w', encoding='utf-8') as f:
            f.write(self.text(rules))
        machine.make_cgroup(f'{RIG}/peer-home')
        self.process = subprocess.Popen(['cgrulesengd', '-n', '-Q'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, preexec_fn=lambda: machine.enter(f'{RIG}/peer-home'))
        wait_for(lambda: self.process.poll() is not None or connector_socket(self.process.pid), 'cgrulesengd to listen', 120)
        if self.process.poll() is not None:
            raise AssertionError(f'cgrulesengd ended with status {self.process.returncode}')
        self.settle(15, 0.3)

    def text(self, n):
        write = {'program': lambda i: f'pbnobody:prog{i}', 'user': lambda i: f'pbu{i % USERS}', 'group': lambda i: f'@pbg{i % USERS}'}
        one, four = f'{self.top}/benchdest'.lstrip('/'), f'{self.top}/benchfour'.lstrip('/')
        lines = [f'{write[kind](i)} {",".join(ONE)} {one}' for kind, i in rule_mix(n)]
        return '\n'.join([*lines, f'pbmove:ptmove {",".join(ONE)} {one}', f'pbfour:ptmove {",".join(FOUR)} {four}', f'pbsleep {",".join(ONE)} {one}', ''])

    def pids(self):
        return [self.process.pid]

    def listener(self):
        return self.process.pid

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.places.remove()
        machine.remove_cgroup(f'{RIG}/peer-home')


def _gone(folder):
    try:
        os.rmdir(folder)
    except OSError:
        return False
    return True


def check_uids():
    """Nobody else may live under the uids that the rules name."""
    for pid in (p for p in os.listdir('/proc') if p.isdigit()):
        try:
            uid = os.stat(f'/proc/{pid}').st_uid
        except FileNotFoundError:
            continue
        if uid in range(USER_BASE, USER_BASE + USERS) or uid in range(MOVED, SLEEPING + 1):
            raise AssertionError(f'process {pid} has a uid that belongs to the benchmark: {uid}')


def have_peer():
    return shutil.which('cgrulesengd') is not None

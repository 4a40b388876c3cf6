"""The machine the tests run on: its cgroup hierarchies, where a process is, waiting with a deadline."""
import os
import signal
import time


class Hierarchy:
    def __init__(self, mount, version, controllers):
        self.mount, self.version, self.controllers = mount, version, controllers

    def path(self, cgroup, *rest):
        return os.path.join(self.mount, cgroup.lstrip('/'), *rest)


def hierarchies():
    """All that are mounted, cgroup2 first."""
    found = []
    with open('/proc/self/mountinfo', encoding='utf-8') as f:
        for line in f:
            before, after = line.rstrip('\n').split(' - ')
            kind, _, options = after.split(' ', 2)
            mount = before.split(' ')[4]
            if kind == 'cgroup2':
                with open(os.path.join(mount, 'cgroup.controllers'), encoding='utf-8') as c:
                    found.insert(0, Hierarchy(mount, 2, tuple(c.read().split())))
            elif kind == 'cgroup':
                names = [o for o in options.split(',') if o.startswith('name=') or o in V1_CONTROLLERS]
                found.append(Hierarchy(mount, 1, tuple(names)))
    unique = {h.controllers if h.version == 1 else 'cgroup2': h for h in reversed(found)}
    return sorted(unique.values(), key=lambda h: -h.version)


V1_CONTROLLERS = ('cpu', 'cpuacct', 'cpuset', 'memory', 'pids', 'blkio', 'devices', 'freezer', 'net_cls', 'net_prio', 'perf_event',
                  'hugetlb', 'rdma', 'misc')
HIERARCHIES = hierarchies()
UNIFIED = HIERARCHIES[0]
assert UNIFIED.version == 2, 'no cgroup2 is mounted'


def hierarchy_of(controller):
    """Where a controller lives here; None when it is nowhere."""
    for h in HIERARCHIES:
        if controller in h.controllers or (controller == 'cgroup2' and h.version == 2):
            return h
    return None


def v1_membership():
    """A controller of the hierarchy in which a service without cgroup2 reads membership."""
    with open('/proc/self/cgroup', encoding='utf-8') as f:
        first = next(line.split(':')[1] for line in f if not line.startswith('0:') and 'name=' not in line)
    return first.split(',')[0]


def places(pid):
    """{controller or 'cgroup2': path} of a process; each controller of a joint v1 hierarchy has an entry. Raises if it is gone."""
    result = {}
    with open(f'/proc/{pid}/cgroup', encoding='utf-8') as f:
        for line in f:
            number, names, path = line.rstrip('\n').split(':', 2)
            for name in ['cgroup2'] if number == '0' else names.split(','):
                result[name] = path
    return result


def place(pid, controller='cgroup2'):
    """Path in the hierarchy of that controller, None when the process is gone. What lives on cgroup2 has cgroup2's path."""
    h = hierarchy_of(controller)
    try:
        return places(pid)['cgroup2' if h.version == 2 else controller]
    except (FileNotFoundError, ProcessLookupError):
        return None


def parent(pid):
    """0 when it is gone."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as f:
            return int(f.read().rpartition(')')[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def start_time(pid):
    """Ticks since boot; with the pid it names one process. None when it is gone or a zombie."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as f:
            fields = f.read().rpartition(')')[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in 'ZX' else int(fields[19])


def members(cgroup, hierarchy=None):
    """Pids of a cgroup and all below it."""
    pids = []
    for folder, _, files in os.walk((hierarchy or UNIFIED).path(cgroup)):
        if 'cgroup.procs' in files:
            try:
                with open(os.path.join(folder, 'cgroup.procs'), encoding='utf-8') as f:
                    pids += [int(p) for p in f.read().split()]
            except OSError:
                pass  # removed meanwhile
    return pids


def wait_for(condition, what, seconds=15, step=0.01):
    """Polls until condition() is true and returns its value; fails with what() or the text after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'not within {seconds} s: {what() if callable(what) else what}')
        time.sleep(step)


def remove_cgroup(cgroup):
    """Ends every process in it (on cgroup2, where all of ours are) and removes it from every hierarchy."""
    kill = UNIFIED.path(cgroup, 'cgroup.kill')
    if os.path.exists(kill):
        with open(kill, 'w', encoding='utf-8') as f:
            f.write('1')
        wait_for(lambda: not members(cgroup), f'{cgroup} to be empty')
    for h in HIERARCHIES:
        top = h.path(cgroup)

        def gone():
            for folder, _, _ in os.walk(top, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
            return not os.path.isdir(top)

        wait_for(gone, f'{top} to go away; still there: {members(cgroup, h)}')


def make_cgroup(cgroup):
    """On cgroup2 only."""
    os.makedirs(UNIFIED.path(cgroup), exist_ok=True)
    return cgroup


def enter(cgroup):
    """Moves the calling process on cgroup2: for preexec_fn."""
    with open(UNIFIED.path(cgroup, 'cgroup.procs'), 'w', encoding='utf-8') as f:
        f.write('0')


def kill(pid, started):
    """SIGKILL to exactly that process: pinned by a pidfd, known by its start time."""
    fd = os.pidfd_open(pid)
    try:
        if start_time(pid) == started:
            signal.pidfd_send_signal(fd, signal.SIGKILL)
    finally:
        os.close(fd)

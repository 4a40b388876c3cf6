"""The figures of the benchmark: every one is a ratio of two things measured in one run, taken in turn, the median of the rounds."""
import json
import os
import statistics
import subprocess
import tempfile
import time

from contest import SLEEPING, STAYING, Floor, Ours, Peer, cpu_ns, pss_kb
from measure import (STAY, Background, Burners, cost_moving, cost_staying, drain, latencies, load, percentile, storm)

BUILD = os.environ['PCLASS_BENCH_BUILD']


class Spread:
    """The values of the rounds."""

    def __init__(self, values):
        self.values = sorted(values)
        self.median, self.low, self.high = statistics.median(self.values), self.values[0], self.values[-1]

    @classmethod
    def ratio(cls, over, under):
        """Round by round: what was measured next to each other is compared."""
        return cls([a / b for a, b in zip(over, under) if b > 0])

    def json(self):
        return {'median': round(self.median, 4), 'min': round(self.low, 4), 'max': round(self.high, 4), 'rounds': len(self.values)}


class Figures:
    """Collects rows: key, what, goal in words, spread, and whether it is reached (None: there is no goal to reach)."""

    def __init__(self, rounds, scale):
        self.rounds, self.scale = rounds, scale
        self.rows, self.raw = [], {}

    def count(self, n):
        return max(10, int(n * self.scale))

    def add(self, key, what, goal, spread, reached, unit='x', note=''):
        self.rows.append({'key': key, 'what': what, 'goal': goal, 'unit': unit, 'reached': reached, 'note': note, **spread.json()})
        r = self.rows[-1]
        print(f'{"ok  " if reached else "miss" if reached is False else "    "} {what}: {r["median"]:g}{unit} ({r["min"]:g} to {r["max"]:g}), '
              f'goal {goal}{"; " + note if note else ""}', flush=True)

    def least(self, key, what, bound, spread, **more):
        self.add(key, what, f'>= {bound:g}', spread, spread.median >= bound, **more)

    def most(self, key, what, bound, spread, **more):
        self.add(key, what, f'<= {bound:g}', spread, spread.median <= bound, **more)


# ---- the engine alone ---------------------------------------------------------------------------------------------------------

def bench_match(kind, rules, what, rounds=5):
    r = subprocess.run([f'{BUILD}/tests/bench/bench-match', kind, str(rules), what, str(rounds)], capture_output=True, text=True, check=True)
    return json.loads(r.stdout)


def bench_load(kind, rules):
    r = subprocess.run([f'{BUILD}/tests/bench/bench-load', kind, str(rules)], capture_output=True, text=True, check=True)
    return json.loads(r.stdout)


def instructions(program, *args, repeats, whole=False):
    """Callgrind's count for one match, decode or rule: the same on every run. whole: of the program, not of measured() alone."""
    with tempfile.NamedTemporaryFile() as out:
        collect, rounds = ([], []) if whole else (['--toggle-collect=measured'], ['1'])
        r = subprocess.run(['valgrind', '--tool=callgrind', f'--callgrind-out-file={out.name}', *collect,
                            f'{BUILD}/tests/bench/{program}', *args, *rounds], capture_output=True, text=True, check=True)
    for line in r.stderr.splitlines():
        if 'Collected' in line:
            return int(line.split(':')[1].split()[0]) / repeats
    raise AssertionError(r.stderr)


def engine(f):
    for what, bound in (('match', 1000), ('cached', 100)):
        for n in (10, 1000, 10000):
            ns = Spread([bench_match('mixed', n, what)['ns'] for _ in range(f.rounds)])
            f.raw[f'{what}_{n}_ns'] = ns.median
            if n == 10000:
                f.most(f'{what}_ns', f'one match among 10,000 mixed rules, {"decision cached" if what == "cached" else "not cached"}', bound, ns, unit=' ns')
    pairs = [(bench_match('context', 10000, 'match')['ns'], bench_match('user', 10000, 'match')['ns']) for _ in range(f.rounds)]
    f.raw['context_10000_ns'], f.raw['user_10000_ns'] = (statistics.median(p[i] for p in pairs) for i in (0, 1))
    f.add('context_match', '10,000 context rules / 10,000 user rules, match alone', 'see text', Spread.ratio(*zip(*pairs)), None,
          note=f'{f.raw["context_10000_ns"]:.0f} / {f.raw["user_10000_ns"]:.0f} ns')
    # What a decision costs besides: the facts by pidfd, and of one of them a context; both are the kernel's, on the machine of docs/PERFORMANCE.md.
    facts, context = 1800, 3100
    f.most('context', 'the same with the reading of the facts, over the same and the reading of the context', 1.2,
           Spread([(facts + context + a) / (facts + context + b) for a, b in pairs]))
    member = Spread.ratio(*zip(*[(bench_match('member', 10000, 'match')['ns'], bench_match('member', 10, 'match')['ns']) for _ in range(f.rounds)]))
    f.most('member_growth', '10,000 rules of groups against 10, match alone', 1.5, member)
    load_ms = Spread([bench_match('mixed', 10000, 'load', 1)['load_ms'] for _ in range(f.rounds)])
    f.most('load_ms', '10,000 mixed rules, from text to ready', 50, load_ms, unit=' ms')
    # The service looks for events after each millisecond of a load; the piece that was begun goes on to its end.
    f.most('load_slice_ms', 'longest slice of that, and of letting go of as many', 2,
           Spread([1 + max(bench_load('mixed', 10000)['longest_ms'].values()) for _ in range(f.rounds)]), unit=' ms')
    f.raw['bytes_a_rule'] = bench_match('mixed', 10000, 'load', 1)['bytes_a_rule']


def engine_counts(f):
    per = 40 * 256
    runs = (('mixed', 10, 'match'), ('mixed', 10000, 'match'), ('mixed', 10000, 'cached'), ('context', 10000, 'match'), ('user', 10000, 'match'))
    f.raw['instructions'] = {f'{kind} {n} {what}': round(instructions('bench-match', kind, str(n), what, repeats=per)) for kind, n, what in runs}
    f.raw['instructions']['decode'] = round(instructions('bench-decode', repeats=2000 * 64))
    f.raw['instructions']['load, a rule'] = round(instructions('bench-load', 'mixed', '10000', repeats=10000, whole=True))
    print('instructions:', json.dumps(f.raw['instructions']), flush=True)


# ---- one event ----------------------------------------------------------------------------------------------------------------

def session(f, make, n, latency, four=True):
    """Everything that is measured of one daemon with n rules, in one go."""
    d, out = make(n), {}
    try:
        cost_staying(d, 50)  # a user seen for the first time is asked for once
        count = f.count(1500) if n < 10000 or make is Ours else 50  # some milliseconds each
        out['stay'], out['foreign'] = cost_staying(d, count)
        out['pss'] = pss_kb(d.pids())
        if n == 10:
            out['move1'], out['placed1'] = cost_moving(d, f.count(400), False)
        if n == 10 and four:
            out['move4'], out['placed4'] = cost_moving(d, f.count(400), True)
        if latency:
            out['hot'] = latencies(f.count(150), 0)
            out['idle'] = latencies(f.count(15), 150)
            with Burners():
                out['hot_busy'] = latencies(f.count(60), 0)
                out['idle_busy'] = latencies(f.count(15), 150)
    finally:
        d.stop()
    return out


# Loops that do nothing else: what is the least. Name: (how it moves, pause in us, by a process of its own).
FLOORS = {'stay': (None, 0, False), 'gathered': (None, 4000, False), 'move1': ('benchdest', 0, False), 'move4': ('benchfour', 0, False),
          'pair1': ('benchdest', 0, True)}


def floor_session(f, latency):
    """What the same costs such loops, and how long a process waits for them."""
    out = {}
    for name, (moves, pause_us, apart) in FLOORS.items():
        d = Floor(moves, pause_us, apart)
        try:
            out[name] = cost_moving(d, f.count(400), moves == 'benchfour')[0] if moves else cost_staying(d, f.count(1500))[0]
            if latency and moves == 'benchdest':
                out[f'{name}_hot'] = latencies(f.count(150), 0)
        finally:
            d.stop()
    return out


def events(f, sizes=(10, 1000, 10000), latency=True, peer_sizes=None, four=True):
    if peer_sizes is None:
        peer_sizes = sizes
    sizes_of = {'pclass': sizes, 'cgrulesengd': peer_sizes}
    got = {(who.name, n): [] for who in (Ours, Peer) for n in sizes_of[who.name]}
    floors = []
    for i in range(f.rounds):
        if four:
            floors.append(floor_session(f, latency))
        for n in sizes:
            for who in ((Ours, Peer), (Peer, Ours))[i % 2]:
                if n not in sizes_of[who.name]:
                    continue
                got[who.name, n].append(session(f, who, n, latency and n == 10, four))
        print(f'   round {i + 1} of {f.rounds}: ' + ', '.join(f'{w} {n} rules {v[-1]["stay"]:.1f} us' for (w, n), v in got.items()), flush=True)

    def take(who, n, what):
        return [s[what] for s in got[who, n]]

    for n, bound in ((10, 10), (10000, 100)):
        if n in peer_sizes:
            f.least(f'stay_{n}', f'CPU per exec that needs no move, {n:,} rules: cgrulesengd / pclass', bound,
                    Spread.ratio(take('cgrulesengd', n, 'stay'), take('pclass', n, 'stay')),
                    note=f'{statistics.median(take("cgrulesengd", n, "stay")):.1f} / {statistics.median(take("pclass", n, "stay")):.1f} us')
    for what, key, floor, word in (('stay', 'floor', 'stay', 'needs no move: pclass / a bare loop'),
                                   ('stay', 'floor_gathered', 'gathered', 'needs no move: pclass / a bare loop that lets events gather for 4 ms'),
                                   ('move1', 'floor_move_1', 'move1', 'moves, one hierarchy: pclass / a bare loop'),
                                   ('move1', 'floor_pair_1', 'pair1', 'moves, one hierarchy: pclass / two bare processes'),
                                   ('move4', 'floor_move_4', 'move4', 'moves, four hierarchies: pclass / a bare loop')) if four else ():
        least = [s[floor] for s in floors]
        f.add(key, f'CPU per exec that {word}', 'none', Spread.ratio(take('pclass', 10, what), least), None,
              note=f'the least {statistics.median(least):.1f} us, cgrulesengd / that {Spread.ratio(take("cgrulesengd", 10, what), least).median:.1f}x')
    if 10000 in sizes:
        f.most('growth', 'own CPU per exec, 10,000 rules / 10 rules', 1.2, Spread.ratio(take('pclass', 10000, 'stay'), take('pclass', 10, 'stay')))
    for k, word in ((1, 'one hierarchy'), (4, 'four hierarchies'))[:2 if four else 1]:
        f.least(f'move_{k}', f'CPU per exec that moves, {word}: cgrulesengd / pclass', 5,
                Spread.ratio(take('cgrulesengd', 10, f'move{k}'), take('pclass', 10, f'move{k}')),
                note=f'{statistics.median(take("cgrulesengd", 10, f"move{k}")):.1f} / {statistics.median(take("pclass", 10, f"move{k}")):.1f} us')
    for what, word, bound in (('hot', 'hot, calm', 2), ('hot_busy', 'hot, cores busy', 2), ('idle', 'after idle, calm', 0.9), ('idle_busy', 'after idle, cores busy', 0.9)):
        for p in (50, 99) if latency else ():
            theirs, ours = ([percentile(v, p) for v in take(w, 10, what)] for w in ('cgrulesengd', 'pclass'))
            f.least(f'{what}_p{p}', f'exec to class, {word}, p{p}: cgrulesengd / pclass', bound, Spread.ratio(theirs, ours),
                    note=f'{statistics.median(theirs):.0f} / {statistics.median(ours):.0f} us')
    for floor, word in (('move1', 'a bare loop'), ('pair1', 'two bare processes')) if latency and four else ():
        least, ours = [percentile(s[f'{floor}_hot'], 50) for s in floors], [percentile(v, 50) for v in take('pclass', 10, 'hot')]
        f.add(f'floor_hot_{floor}', f'exec to class, hot, calm, p50: {word} / pclass', 'none', Spread.ratio(least, ours), None, note=f'the least {statistics.median(least):.0f} us')
    f.raw['stay_us'] = {w: {n: [round(x, 2) for x in take(w, n, 'stay')] for n in sizes_of[w]} for w in sizes_of}
    f.raw['foreign_forks'] = statistics.median(s['foreign'] for v in got.values() for s in v)
    f.raw['pss_kb'] = {w: {n: statistics.median(take(w, n, 'pss')) for n in sizes_of[w]} for w in sizes_of}
    if latency:
        f.raw['latency_us'] = {w: {k: [v for s in got[w, 10] for v in s[k]] for k in ('hot', 'idle', 'hot_busy', 'idle_busy')}
                               for w in ('pclass', 'cgrulesengd')}


# ---- many events ----------------------------------------------------------------------------------------------------------------

def drains(f):
    """The same queue drained by pclassd and by a loop that does nothing else."""
    got = {'ours': [], 'bare': [], 'ours_exec': [], 'bare_exec': []}
    d = Ours(10)
    try:
        for _ in range(f.rounds):
            for how, name in (('clone', ''), ('exec', '_exec')):
                count = f.count(6000 if how == 'clone' else 2500)
                got['ours' + name].append(drain(d.listener(), count, how))
                with Background('bare', '0x80000047', ready='listening', take_output=True) as b:
                    got['bare' + name].append(drain(b.process.pid, count, how))
    finally:
        d.stop()
    f.least('drain', 'births and ends drained per CPU second: pclassd / a bare receive loop', 0.8, Spread.ratio(got['bare'], got['ours']),
            note=f'{statistics.median(got["ours"]):.0f} / {statistics.median(got["bare"]):.0f} ns')
    f.add('drain_exec', 'the same with an exec of a process that is gone by then', 'none', Spread.ratio(got['bare_exec'], got['ours_exec']), None,
          note=f'{statistics.median(got["ours_exec"]):.0f} / {statistics.median(got["bare_exec"]):.0f} ns')


def storms(f):
    """As many short lives as the machine can start, with growing parallelism."""
    points = {'pclass': [], 'cgrulesengd': []}
    for who in (Ours, Peer):
        d = who(10)
        try:
            for flight in (1, 2, 4, 16):
                points[who.name].append((*storm(d, f.count(5000), flight), flight))
        finally:
            d.stop()
    f.raw['storm'] = points
    lost = sum(p[1] for p in points['pclass'])
    f.most('lost', 'events lost in 20,000 short lives as fast as two cores start them', 0, Spread([lost]), unit='',
           note='; '.join(f'{w}: {max(p[0] for p in v):.0f} execs a second, {sum(p[1] for p in v)} lost' for w, v in points.items()))


def compile_tree(folder, n):
    for i in range(n):
        with open(f'{folder}/f{i}.c', 'w', encoding='ascii') as f:
            f.write('#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n' +
                    ''.join(f'int f{i}_{k}(int a) {{ char b[99]; snprintf(b, 99, "%d", a); return (int) strlen(b) * {k}; }}\n' for k in range(40)))
    with open(f'{folder}/Makefile', 'w', encoding='ascii') as f:
        f.write('all: $(patsubst %.c,%.o,$(wildcard *.c))\n%.o: %.c\n\tgcc -O1 -c $<\nclean:\n\trm -f *.o\n')


# One listener of one kind of event each; on kernels before 6.6 all of them hear everything.
WATCHERS = {'forks': '0x1', 'execs': '0x2', 'ids': '0x44', 'names': '0x200', 'ends': '0x80000000'}


def overhead(f):
    """What the machine's own work costs with nobody listening, with a bare listener, with the service."""
    got = {(state, what): [] for state in ('off', 'bare', 'on') for what in ('fork', 'clone', 'exec', 'compile')}

    def measure(state, folder):
        for what, count in (('fork', 1500), ('clone', 6000), ('exec', 800)):
            got[state, what].append(load('rate', what, f.count(count), STAYING, STAY)['ns'])
        began = time.monotonic()
        subprocess.run(['make', '-s', '-j2', '-C', folder], check=True)
        got[state, 'compile'].append(time.monotonic() - began)
        subprocess.run(['make', '-s', '-C', folder, 'clean'], check=True)

    def watch(state):
        with Background('bare', WATCHERS[state], ready='listening', take_output=True):
            for what, count in (('fork', 1500), ('exec', 800)):
                got.setdefault((state, what), []).append(load('rate', what, f.count(count), STAYING, STAY)['ns'])

    with tempfile.TemporaryDirectory() as folder:
        compile_tree(folder, f.count(24))
        for i in range(f.rounds):
            for state in (('off', 'bare', 'on'), ('on', 'bare', 'off'))[i % 2]:
                if state == 'off':
                    measure(state, folder)
                elif state == 'bare':
                    with Background('bare', '0x80000047', ready='listening', take_output=True):
                        measure(state, folder)
                    for one in WATCHERS:
                        watch(one)
                else:
                    d = Ours(10)
                    try:
                        measure(state, folder)
                    finally:
                        d.stop()
    for what, goal in (('fork', 1.01), ('clone', None), ('exec', None), ('compile', None)):
        off, bare, on = (got[state, what] for state in ('off', 'bare', 'on'))
        quiet = Spread.ratio(off, [statistics.median(off)] * len(off))
        note = f'against nobody listening {Spread.ratio(on, off).median:.3f}; off alone varies from {quiet.low:.2f} to {quiet.high:.2f}'
        spread = Spread.ratio(on, bare)
        within = spread.median <= 1 + max(0.01, (quiet.high - quiet.low) / 2)
        f.add(f'overhead_{what}', f'{what} with the service / with a bare listener', '<= 1.01' if goal else 'within noise', spread,
              spread.median <= goal if goal else within, note=note)
    for one in WATCHERS:
        for what in ('fork', 'exec'):
            f.add(f'watch_{one}_{what}', f'{what} with a watcher of {one} alone / with nobody listening', 'none', Spread.ratio(got[one, what], got['off', what]), None)


# ---- the state ----------------------------------------------------------------------------------------------------------------

def peer_memory(n):
    d = Peer(n)
    try:
        return pss_kb(d.pids())
    finally:
        d.stop()


def memory_born(n, count):
    """(KiB with no process in a class, with so many that were born in one)"""
    d = Ours(n)
    try:
        d.settle(60, 0.3)
        without = pss_kb(d.pids())
        with Background('sleepers', str(count), SLEEPING, ready='ready'):
            d.settle(60, 0.3)
            return without, pss_kb(d.pids())
    finally:
        d.stop()


def memory_moved(n, count, and_then=None):
    """KiB with so many processes that the service found and moved one by one. The service takes them along when it ends."""
    with Background('sleepers', str(count), SLEEPING, ready='ready'):
        d = Ours(n)
        try:
            d.settle(60, 0.3)
            moved = d.service.counters()['moves_done']
            assert moved >= count, f'{moved} were moved'
            kb = pss_kb(d.pids())
            if and_then:
                and_then(d)
            return kb
        finally:
            d.stop()


def resync_and_memory(f):
    count = f.count(10000)
    took, bare = [], []

    def resync(d):
        for _ in range(f.rounds):
            bare.append(load('scan')['ms'])
            before = cpu_ns(d.pids())
            d.service.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0)
            took.append((cpu_ns(d.pids()) - before) / 1e6)

    moved = {10: memory_moved(10, count, resync), 10000: memory_moved(10000, count)}
    born = {n: memory_born(n, count) for n in (10, 10000)}
    with Background('sleepers', str(count), SLEEPING, ready='ready'):
        peer = {10: peer_memory(10)}
    peer[10000] = peer_memory(10000)  # without the processes: reading them all would take it minutes
    f.most('resync', f'resync of {count:,} processes / bare scan of the same facts, CPU', 1.5, Spread.ratio(took, bare),
           note=f'{statistics.median(took):.0f} / {statistics.median(bare):.0f} ms')
    for n, bound in ((10, 6), (10000, 12)):
        f.most(f'memory_{n}', f'memory of all our processes, {n:,} rules and {count:,} processes that were born in a class', bound, Spread([born[n][1] / 1024]), unit=' MiB',
               note=f'{born[n][0] / 1024:.1f} MiB without them; cgrulesengd {peer[n] / 1024:.1f} MiB')
        f.most(f'memory_moved_{n}', f'the same, and each of the {count:,} was moved into it by itself', bound, Spread([moved[n] / 1024]), unit=' MiB')
    f.raw['memory_kb'] = {'born': born, 'moved': moved, 'cgrulesengd': peer}


def idle(f, seconds=60):
    """Wake-ups beyond those for events of the machine and for the heartbeat."""
    def switches(pids):
        total = {}
        for pid in pids:
            with open(f'/proc/{pid}/status', encoding='ascii', errors='replace') as s:
                total[pid] = int(next(line for line in s if line.startswith('voluntary')).split()[1])
        return total

    d = Ours(10)
    try:
        d.settle()
        roles = d.service.daemons()
        counters = d.service.counters()
        time.sleep(0.5)
        before = switches(roles.values())
        time.sleep(seconds)
        after = switches(roles.values())
        heard = sum(v - counters[k] for k, v in d.service.counters().items() if k.startswith('events_') and k != 'events_lost')
    finally:
        d.stop()
    beats = seconds // 5 + 1
    extra = {role: after[pid] - before[pid] for role, pid in roles.items()}
    # A heartbeat is a timer, its own event and the broker's answer; an event of the machine wakes the listener once at most.
    surplus = max(0, extra['listener'] - heard - 4 * beats) + sum(max(0, n - 2 * beats) for role, n in extra.items() if role != 'listener')
    f.most('idle', f'wake-ups in {seconds} s of idleness beside heartbeat and the machine\'s own events', 0, Spread([surplus]), unit='',
           note=f'voluntary switches {extra}, events heard {heard}')

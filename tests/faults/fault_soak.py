"""Mixed load in bounded slices for a long time: what the service holds stays what it was, and every event and every move is accounted for."""
import os
import random
import statistics
import time

from case import program
from faults import FaultCase, monotonic, status_kib
from figures import SEED, SOAK, seen

MINUTES = float(os.environ.get('PCLASS_SOAK_MINUTES') or (60 if SOAK else 0.2))
RSS_GROWTH_KIB, FDS_GROWTH, WARM_SLICES = 2048, 2, 3  # a call on the bus or a process that is looked at holds one for a moment


class Soak(FaultCase):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(SEED)
        self.names = self.processes = self.events_missing = self.wrong = 0

    # ---- slices: each makes some processes and says who has to be where ----
    def storm(self):
        n = 2000
        self.names += n
        self.processes += n
        return {pid: 'a' for pid in self.survivors(self.load('storm', n, 50))}

    def forks(self):
        a = self.spawn('exec', program('pt1'), *['fork', 'exec', program('ptnone'), 'END'] * 50)
        pids = [a.pid, *(a.child() for _ in range(50))]
        self.processes += len(pids)
        return {pid: 'a' for pid in pids}

    def renaming(self):
        a = self.load('names', 3000, 'pt1', 'pt2')
        self.assertEqual(a.line(60), 'done')
        self.names += 3001
        self.processes += 1
        return {a.pid: 'b'}

    def rules(self):
        actors = [self.spawn(path=program('pt9')) for _ in range(5)]
        for _ in range(5):
            path = self.service.add_rule('nine: comm=pt9 {home} => b')
            self.service.remove_rule(path)
        self.service.reload()
        self.processes += len(actors)
        return {a.pid: None for a in actors}

    def halts(self):
        """Either side stands still for a moment."""
        with self.stopped(self.rng.choice(('broker', 'listener'))):
            return self.storm()

    def bystanders(self):
        actors = [self.spawn(path=program('ptnone')) for _ in range(20)]
        self.processes += len(actors)
        return {a.pid: None for a in actors}

    def one_slice(self):
        before, self.names = self.service.counters(), 0
        expected = {}
        for part in self.rng.sample((self.storm, self.forks, self.renaming, self.rules, self.halts, self.bystanders), 3):
            expected.update(part())
        self.fence()
        self.settle()
        self.wrong += self.assert_places(expected)
        after = self.service.counters()
        heard = sum(after[k] - before[k] for k in ('events_comm', 'events_lost'))
        self.events_missing += max(0, self.names - heard)
        for name in ('a', 'b'):
            self.end_members(name)
        while self.actors:
            self.actors.pop().close()
        self.fence()

    def moves_missing(self):
        self.settle()
        c = self.service.counters()
        return c['moves_requested'] - c['moves_done'] - sum(v for k, v in c.items() if k.startswith('moves_failed_'))

    def size(self):
        """(KiB resident, descriptors) of all of the service's processes."""
        pids = self.service.daemons().values()
        return sum(status_kib(p, 'VmRSS') for p in pids), sum(len(os.listdir(f'/proc/{p}/fd')) for p in pids)

    def test_mixed_load(self):
        print(f'     PCLASS_SEED={SEED}, {MINUTES:g} minutes')
        began, sizes = monotonic(), []
        while monotonic() - began < MINUTES * 60 or len(sizes) < 2 * WARM_SLICES:
            self.one_slice()
            sizes.append(self.size())
            time.sleep(0.02)  # others use this machine
        sizes = sizes[WARM_SLICES:]
        part = max(1, len(sizes) // 4)
        (rss_first, fds_first), (rss_last, fds_last) = ([int(statistics.median(s[i] for s in some)) for i in (0, 1)] for some in (sizes[:part], sizes[-part:]))
        missing = self.moves_missing()
        seen('soak', minutes=round((monotonic() - began) / 60, 1), slices=len(sizes) + WARM_SLICES, processes=self.processes, rss_first=rss_first, rss_last=rss_last,
             fds_first=fds_first, fds_last=fds_last, unaccounted=self.events_missing, moves_unaccounted=missing, misplaced=self.wrong)
        self.assertEqual((self.events_missing, missing), (0, 0))
        self.assertLess(rss_last - rss_first, RSS_GROWTH_KIB)
        self.assertLessEqual(fds_last - fds_first, FDS_GROWTH)

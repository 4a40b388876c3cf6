"""pclassd, pclass-names and the reader of command lines as whole programs, from their start to their end, short of memory or descriptors at each call in turn (tests/unit/shortage-program.c;
those of libc and of the libraries are among them): a clean error and another start, or all the same where it belongs. Never a wrong move."""
import mmap
import os
import random
import re
import shutil
import struct

from case import BIN, program
from faults import FaultCase, monotonic, much
from figures import SEED, seen
from machine import place, wait_for
from service import BusError

KINDS = {'memory': 0, 'descriptors': 1, 'descriptors of all': 2}
ORDER = struct.Struct('i?3xIII')  # ShortageOrder of tests/unit/shortage.h
PROGRAMS = {'pclassd': 'pclassd-short', 'pclass-names': 'pclass-names-short', 'pclass-cmdline': 'pclass-cmdline-short'}
OPTIONS = {'pclassd': 'listener', 'pclass-names': 'names', 'pclass-cmdline': 'cmdline'}  # of the broker
# glibc's look for users ends a program for which it has no memory: an end as any other, and not ours.
OF_GLIBC = re.compile(r"^pclass-names: nss_\w+\.c:\d+: \w+: Assertion `.*' failed\.\npclass-broker: pclass-names was killed by signal 6;", re.MULTILINE)
TURNS = much(5, 25)  # of each program and kind, and each once with one call and once with all later ones


class Shortage(FaultCase):
    RULES = 'one: user=root comm=pt1 arg0=*/pt1 {home} => a\n'

    def setUp(self):
        super().setUp()
        self.rng = random.Random(SEED)
        self.folder = os.path.join(BIN, f'short-{self.service.id}')
        os.mkdir(self.folder)
        self.addCleanup(shutil.rmtree, self.folder)
        self.bystander = self.spawn(path=program('ptnone'))
        self.turns = self.met = self.ended = self.wrong = 0

    # ---- the program and its order ----
    def take(self, name):
        """The service with a program that fails as it is told."""
        self.service.stop()
        copy = shutil.copy(os.path.join(os.environ['PCLASS_BUILD'], 'tests/unit', PROGRAMS[name]), os.path.join(self.folder, name))
        self.service.options = [f'--{OPTIONS[name]}={copy}']
        path = os.path.join(self.folder, f'{name}.shortage')
        with open(path, 'wb') as f:
            f.write(bytes(ORDER.size))
        os.chmod(path, 0o666)
        with open(path, 'r+b') as f:
            self.order = mmap.mmap(f.fileno(), ORDER.size)
        self.addCleanup(self.order.close)

    def tell(self, kind='memory', failing=0, and_later=False):
        self.order[:] = ORDER.pack(KINDS[kind], and_later, failing, 0, 0)

    def count(self):
        return ORDER.unpack(self.order[:])[3]

    def failed(self):
        return ORDER.unpack(self.order[:])[4]

    # ---- a life ----
    def start(self):
        """True when it runs; False when it ended instead."""
        try:
            self.service.start()
        except AssertionError as e:
            if 'the service ended with status' not in str(e):
                raise
            return False
        return True

    def bus(self, function, *args):
        """What may be answered by an error."""
        try:
            return function(*args)
        except (BusError, AssertionError):
            return None

    def work(self):
        """A process that matches, and a rule that comes and goes."""
        a = self.spawn(path=program('pt1'))
        rule = self.bus(self.service.add_rule, 'two: comm=pt2 {home} => b')
        if rule:
            self.bus(self.service.remove_rule, rule)
        self.bus(self.service.rules)
        return a

    def live(self, and_later):
        """One life, and where it ended another one without failures; then everybody has to be in place."""
        if and_later:  # it comes to nothing, or to a service that waits for better times: the bus is not asked, for the answer may never come
            self.service.start_only()
            a = self.spawn(path=program('pt1'))
            until = monotonic() + 2
            wait_for(lambda: self.service.process.poll() is not None or self.failed() > 100 or monotonic() > until, 'it to fail')
        else:
            a = self.work() if self.start() else self.spawn(path=program('pt1'))
        self.met += self.failed() > 0
        self.tell()
        if self.service.process.poll() is not None or not self.recovered(a):
            self.ended += 1
            self.service.wait_ended()
            self.assertIn(self.service.process.returncode, (0, 1))
            self.service.start()
        self.await_class(a.pid, 'a')
        self.wrong += place(self.bystander.pid) != self.service.home
        a.close()
        self.actors.remove(a)

    def recovered(self, a):
        """With all it needs again the service gets everything right, or ends. False when it ended."""
        wait_for(lambda: self.service.process.poll() is not None or (self.in_class(a.pid, 'a') and self.service.converged()),
                 lambda: f'it to be right, or to end: {self.service.explain(a.pid)} {self.service.rules()} {self.service.statement()}; {self.service.log()}', 30)
        return self.service.process.poll() is None

    def turn(self, kind, failing, and_later):
        self.turns += 1
        self.tell(kind, failing, and_later)
        try:
            self.live(and_later)
            self.service.stop()
        except Exception:
            print(f'     {kind}: call {failing}{" and all later ones" if and_later else ""}')
            raise
        with open(f'{self.service.dir}/log', encoding='utf-8', errors='replace') as f:
            log = OF_GLIBC.sub('', f.read())
        self.assertNotIn('was killed by signal', log, f'{kind}: call {failing}, later ones {and_later}')

    def run_out(self, name):
        self.take(name)
        began = monotonic()
        for kind in KINDS:
            self.turn(kind, 0, False)
            self.tell(kind)
            self.service.start()
            self.work()
            self.service.stop()
            calls = self.count()
            self.assertGreater(calls, 0)
            for and_later in (False, True):
                for failing in sorted(self.rng.sample(range(1, calls + 1), min(calls, TURNS))):
                    self.turn(kind, failing, and_later)
            print(f'     {name}, {kind}: {calls} calls, {self.turns} turns so far, {monotonic() - began:.0f} s')
        self.assertGreater(self.met, 0)
        self.assertEqual(self.wrong, 0)
        return {'turns': self.turns, 'met': self.met, 'ended': self.ended, 'misplaced': self.wrong}

    def test_pclassd(self):
        seen('short_pclassd', **self.run_out('pclassd'))

    def test_names(self):
        seen('short_pclass_names', **self.run_out('pclass-names'))

    def test_command_lines(self):
        seen('short_pclass_cmdline', **self.run_out('pclass-cmdline'))

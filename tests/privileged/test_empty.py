"""A class that becomes empty is told of, soon; long lists of members come in pages."""
import json
import statistics
import subprocess
import time

import machine
from case import Case, program
from machine import wait_for
from service import unwrap
from signals import Signals

ROUNDS = 20
PROMISE = 0.05  # seconds from the last exit to the signal, as docs/man/org.pclass.5 says


class Empty(Case):
    CLASSES = '[Class a]\n[Class a/below]\n[Class b]\n'
    RULES = ('a: comm=pta {mine} => a\nbelow: comm=ptb {mine} => a/below\nb: comm=ptc {mine} => b\n'
             'fence: comm=ptfence {mine} => marker\n')
    MEMBERSHIP = 'cgroup2'

    def setUp(self):
        super().setUp()
        self.signals = Signals()
        self.addCleanup(self.signals.close)
        self.signals.ready(self.service.reload)

    def empty(self, name):
        return self.service.get(f'/Classes/{name}', 'Class', 'Empty')

    def await_in(self, actor, name):
        self.await_class(actor.pid, name, self.MEMBERSHIP)

    def emptied(self, name):
        return self.signals.await_signal('Emptied', lambda path, body: body[1] == name)

    def changed(self, path, value):
        return self.signals.await_signal('PropertiesChanged', lambda p, body: p == path and body[1].get('Empty') == value)

    def kill_and_measure(self, actor, name):
        """Seconds from before the kill to the signal, so the exit itself is in it."""
        began = time.monotonic()
        actor.process.kill()
        when, body = self.emptied(name)
        actor.process.wait()
        self.assertEqual(body[0], f'/Classes/{name}')
        return when - began

    def test_within_the_promised_time(self):
        took = []
        for _ in range(ROUNDS):
            a = self.spawn(path=program('ptc'))
            self.await_in(a, 'b')
            self.changed('/Classes/b', False)
            took.append(self.kill_and_measure(a, 'b'))
        print(f'empty signal on {self.MEMBERSHIP}: median {statistics.median(took) * 1000:.1f} ms, most {max(took) * 1000:.1f} ms')
        # Others use this machine too: what the service itself adds shows in all but a few.
        self.assertLess(statistics.quantiles(took, n=10)[7], PROMISE, took)

    def test_property_follows(self):
        self.assertTrue(self.empty('b'))
        a = self.spawn(path=program('ptc'))
        self.await_in(a, 'b')
        self.changed('/Classes/b', False)
        self.assertFalse(self.empty('b'))
        a.process.kill()
        a.process.wait()
        self.changed('/Classes/b', True)
        self.assertTrue(self.empty('b'))

    def test_not_before_the_last_one(self):
        a = self.spawn('exec', program('ptc'), 'fork', 'exec', program('ptnone'), 'END')
        self.await_in(a, 'b')
        child = a.child()
        wait_for(lambda: self.in_class(child, 'b', self.MEMBERSHIP), lambda: self.where(child))
        a.process.kill()
        a.process.wait()
        self.fence_by_name()
        self.assertFalse(self.empty('b'))
        self.kill(child)
        self.emptied('b')

    def fence_by_name(self):
        self.await_in(self.spawn(path=program('ptfence')), 'marker')

    def test_classes_below_count(self):
        b = self.spawn(path=program('ptb'))
        self.await_in(b, 'a/below')
        self.changed('/Classes/a', False)
        a = self.spawn(path=program('pta'))
        self.await_in(a, 'a')
        a.process.kill()
        a.process.wait()
        self.fence_by_name()
        self.assertFalse(self.empty('a'))
        b.process.kill()
        self.emptied('a')

    def test_leaving_counts(self):
        a = self.spawn('exec', program('ptc'), 'wait', 'exec', program('pta'))
        self.await_in(a, 'b')
        self.changed('/Classes/b', False)
        a.go()
        self.emptied('b')
        self.await_in(a, 'a')

    def test_said_after_a_restart(self):
        a = self.spawn(path=program('ptc'))
        self.await_in(a, 'b')
        self.service.restart()
        self.assertFalse(self.empty('b'))
        self.signals.ready(self.service.reload)
        a.process.kill()
        self.emptied('b')


class EmptyWithoutCgroup2(Empty):
    """Membership in a v1 hierarchy: the exit of one member is watched."""
    WITHOUT = 'cgroup2'

    @classmethod
    def setUpClass(cls):
        cls.MEMBERSHIP = machine.v1_membership()

    def in_class(self, pid, name, controller='cgroup2'):
        return super().in_class(pid, name, self.MEMBERSHIP)


class Instances(Case):
    CLASSES = '[Class kinds/%p]\n'
    RULES = 'kind: comm=pt-* {home} => kinds/%p\n'

    def test_objects_come_and_go(self):
        signals = Signals()
        self.addCleanup(signals.close)
        signals.ready(self.service.reload)
        a = self.spawn(path=program('pt-one'))
        _, body = signals.await_signal('InterfacesAdded', lambda p, b: b[0] == '/Classes/kinds_2fpt_2done')
        self.assertEqual(body[1]['org.pclass.Class']['Name'], 'kinds/pt-one')
        self.assertIn('/Classes/kinds_2fpt_2done', self.objects())
        a.process.kill()
        a.process.wait()
        _, body = signals.await_signal('InterfacesRemoved', lambda p, b: b[0] == '/Classes/kinds_2fpt_2done')
        self.assertEqual(body[1], ['org.pclass.Class'])
        self.assertNotIn('/Classes/kinds_2fpt_2done', self.objects())

    def objects(self):
        r = subprocess.run(['busctl', '--json=short', 'call', 'org.pclass', '/', 'org.freedesktop.DBus.ObjectManager',
                            'GetManagedObjects'], capture_output=True, text=True, check=True)
        return unwrap(json.loads(r.stdout))[0]


class Pages(Case):
    """Long lists are asked for in pages. 20,000 members, which take a minute to come and go without a load, are in tests/faults."""
    CLASSES = '[Class many]\n'
    RULES = 'many: comm=ptm {home} => many\n'
    N = 2500

    def test_pages(self):
        a = self.spawn('exec', program('ptm'), 'wait', 'crowd', self.N)
        self.await_class(a.pid, 'many')
        a.go()
        try:
            self.assertEqual(a.line(60), f'crowd {self.N}')
            self.compare()
        finally:  # killed all at once they would keep the machine from everything else
            a.go()
            self.assertEqual(a.line(60), f'gone {self.N}')

    def compare(self):
        pids = sorted(machine.members(self.class_path('many')))
        self.assertEqual(len(pids), self.N + 1)
        self.fence()
        self.assertEqual(self.service.get('/Classes/many', 'Class', 'ProcessCount'), self.N + 1)
        for limit in (700, 16384):
            seen, sizes = self.pages(limit)
            self.assertEqual(seen, pids)
            self.assertEqual(sizes[:-1], [limit] * (len(sizes) - 1))
        self.assertEqual([p['PID'] for p in self.service.ctl('list-processes', 'many', '--json')], pids)

    def pages(self, limit):
        seen, sizes, after = [], [], 0
        while True:
            page = self.service.call('/Classes/many', 'Class', 'GetProcesses', 'a{sv}', 2, 'after', 'u', after, 'limit', 'u', limit)
            if not page:
                return seen, sizes
            seen += [p['PID'] for p in page]
            sizes.append(len(page))
            after = page[-1]['PID']

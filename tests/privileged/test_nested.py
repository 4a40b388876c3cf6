"""Classes below classes: what the one above limits, it limits for all of them, in every hierarchy."""
import os

from case import Case, program
from machine import hierarchy_of, place, wait_for
from service import BusError
from test_properties import read

# A class may stand before the one above it.
CLASSES = '''
[Class outer/inner/deep]
[Class outer/inner]
TasksMax=30
[Class outer]
MemoryMax=64M
AllowedCPUs=0
Tunable=AllowedCPUs
[Class outer/own]
AllowedCPUs=0
[Class outer/%u]
TasksMax=20
[Class beside]
'''


class Nested(Case):
    CLASSES = CLASSES
    RULES = ('deep: comm=pta {home} => outer/inner/deep\nuser: user=ptest1 {home} => outer/%u\nown: comm=ptb {home} => outer/own\n'
             'beside: comm=ptc {home} => beside\n')

    def setUp(self):
        super().setUp()
        self.deep, self.user = self.spawn(path=program('pta')), self.as_user(61201)
        self.own, self.beside = self.spawn(path=program('ptb')), self.spawn(path=program('ptc'))
        self.wanted = {self.deep.pid: 'outer/inner/deep', self.user.pid: 'outer/ptest1', self.own.pid: 'outer/own'}
        for pid, name in self.wanted.items():
            wait_for(lambda: place(pid) == self.class_path(name), lambda: self.where(pid))
        self.await_class(self.beside.pid, 'beside')

    def set(self, value):
        self.service.call('/Classes/outer', 'Class', 'SetProperties', 'a{sv}', 1, 'AllowedCPUs', 's', value)

    def processors(self, *actors):
        return [os.sched_getaffinity(a.pid) for a in actors]

    def supported(self):
        listed = next(c for c in self.service.call('/Classes', 'Classes', 'List', 'a{sv}', 0) if c['Name'] == 'outer')
        return {p['Name']: p['Supported'] for p in listed['Properties']}

    def test_they_are_where_the_limits_are(self):
        for pid, name in self.wanted.items():
            for controller in ('memory', 'cpuset'):
                self.assertEqual(place(pid, controller), self.class_path(name))
        self.assertEqual(place(self.beside.pid, 'memory'), self.service.home if hierarchy_of('memory').version == 2 else place(os.getpid(), 'memory'))
        self.assertEqual(self.processors(self.deep, self.user, self.own), [{0}] * 3)
        h = hierarchy_of('memory')
        self.assertEqual(int(read(h, self.class_path('outer'), 'memory.limit_in_bytes' if h.version == 1 else 'memory.max')), 64 << 20)

    def test_processors_that_change(self):
        """Also to others, with members and classes below."""
        self.set('0-1')
        self.assertEqual(self.processors(self.deep, self.user, self.own), [{0, 1}, {0, 1}, {0}])
        self.set('0')
        self.assertEqual(self.processors(self.deep, self.user, self.own), [{0}] * 3)

    def test_processors_that_a_class_below_has_for_itself(self):
        if hierarchy_of('cpuset').version == 2:
            return  # the kernel takes it and gives those below what it has
        with self.assertRaises(BusError):
            self.set('1')
        self.assertEqual(self.processors(self.deep, self.user, self.own), [{0}] * 3)
        self.assertEqual(read(hierarchy_of('cpuset'), self.class_path('outer'), 'cpuset.cpus'), '0')

    def test_others_after_a_restart(self):
        """With an instance that is found again only after the class above it got its limits."""
        for value, wanted in (('1', {1}), ('0-1', {0, 1}), ('0', {0})):
            text = CLASSES.replace('AllowedCPUs=0\nTunable', f'AllowedCPUs={value}\nTunable').replace('AllowedCPUs=0\n[', f'AllowedCPUs={value[-1]}\n[')
            self.service.write_classes('[Class marker]\n' + text)
            self.service.restart()
            self.assertEqual(self.processors(self.deep, self.user), [wanted] * 2)
            self.assertTrue(self.supported()['AllowedCPUs'], self.service.log())

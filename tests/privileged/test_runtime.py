"""Classes made while the service runs: added, used by rules, nested, removed by refusing, draining and killing; they outlive a restart."""
import os

from case import Case, program
from machine import HIERARCHIES, UNIFIED, hierarchy_of, members, place, v1_membership, wait_for
from service import BusError

ADD = ('/Classes', 'Classes', 'Add', 'sa{sv}')
REMOVE = ('/Classes', 'Classes', 'Remove', 'oa{sv}')


def path_of(name):
    return '/Classes/' + ''.join(c if c.isalnum() else f'_{ord(c):02x}' for c in name)


class Runtime(Case):
    CLASSES = '[Class fixed]\nTasksMax=100\n[Class kinds/%p]\n'
    RULES = ('one: comm=pta {home} => runtime/one\nbelow: comm=ptb {home} => runtime/one/below\nv1: comm=ptc {home} => pids:runtime/one\n'
             'fixed: comm=ptd {home} => fixed\nkind: comm=pt-* {home} => kinds/%p\n')
    CONFIG = {'RuntimeClassesMax': '3'}

    def add(self, name, *options):
        return self.service.call(*ADD, name, len(options) // 3, *options)

    def remove(self, name, mode=None):
        return self.service.call(*REMOVE, path_of(name), *([1, 'mode', 's', mode] if mode else [0]))

    def refused(self, function, *args, text=''):
        with self.assertRaises(BusError) as caught:
            function(*args)
        self.assertIn(text, str(caught.exception))

    def names(self):
        return {c['Name'] for c in self.service.call('/Classes', 'Classes', 'List', 'a{sv}', 0)}

    def exists(self, name):
        return any(os.path.isdir(h.path(self.class_path(name))) for h in HIERARCHIES)

    def is_class(self, path):
        return path[len(self.service.root) + 1:] in self.names()

    def test_a_rule_waits_for_its_class(self):
        a = self.spawn(path=program('pta'))
        self.assert_home(a.pid)
        self.assertEqual(self.add('runtime/one'), '/Classes/runtime_2fone')
        self.assertTrue(self.in_class(a.pid, 'runtime/one'), self.where(a.pid))  # the answer waits for the moves
        self.assertIn('runtime/one', self.names())
        self.assertEqual(self.service.get('/Classes/runtime_2fone', 'Class', 'ProcessCount'), 1)

    def test_properties(self):
        """All or nothing, and they are there again after a restart."""
        self.add('runtime/one', 'TasksMax', 's', '77', 'CPUWeight', 't', '50')
        pids = hierarchy_of('pids').path(self.class_path('runtime/one'), 'pids.max')
        with open(pids, encoding='utf-8') as f:
            self.assertEqual(f.read(), '77\n')
        self.service.restart()
        properties = self.service.get('/Classes/runtime_2fone', 'Class', 'Properties')
        self.assertEqual((properties['TasksMax'], properties['CPUWeight']), ('77', '50'))
        self.refused(self.add, 'runtime/two', 'TasksMax', 's', 'many')
        wait_for(lambda: 'runtime/two' not in self.names(), 'no half of a class to stay')

    def test_by_command(self):
        self.assertEqual(self.service.ctl('add-class', 'runtime/one', '--hierarchies=cpu,pids', 'TasksMax=77', '--json'), {'Path': '/Classes/runtime_2fone'})
        self.assertTrue(os.path.isdir(hierarchy_of('cpu').path(self.class_path('runtime/one'))))
        with open(hierarchy_of('pids').path(self.class_path('runtime/one'), 'pids.max'), encoding='utf-8') as f:
            self.assertEqual(f.read(), '77\n')
        self.service.ctl('remove-class', 'runtime/one')
        self.assertNotIn('runtime/one', self.names())

    def test_refuse_says_how_many_and_what_to_do(self):
        """One process that is there in three hierarchies is one process."""
        self.service.ctl('add-class', 'runtime/one', '--hierarchies=pids,cpu', 'TasksMax=77', 'CPUWeight=50')
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'runtime/one')
        said = self.service.ctl('remove-class', 'runtime/one', status=1)
        self.assertIn('1 processes are in it\nWith --drain', said)
        self.assertNotIn('add-rule', said)

    def test_refuse(self):
        self.add('runtime/one')
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'runtime/one')
        self.refused(self.remove, 'runtime/one', text='in use')
        self.assertTrue(self.in_class(a.pid, 'runtime/one'))
        a.process.kill()
        a.process.wait()
        self.remove('runtime/one')
        self.assertNotIn('runtime/one', self.names())
        self.assertFalse(self.exists('runtime/one'))
        wait_for(lambda: 'runtime' not in self.names() and not self.exists('runtime'), 'the class above to go with the last below it')
        self.refused(self.remove, 'runtime/one', text='There is no class')

    def test_drain(self):
        """To the class above; no rule holds for them any more, so they go on to where they came from."""
        self.add('runtime/one')
        many = self.spawn('exec', program('pta'), *['fork', 'END'] * 50)
        pids = [many.pid] + [many.child() for _ in range(50)]
        for pid in pids:
            self.await_class(pid, 'runtime/one')
        self.remove('runtime/one', 'drain')
        self.assertFalse(self.exists('runtime/one'))
        self.assert_alive(many)
        for pid in pids:
            self.await_home(pid)

    def test_drain_a_forking_crowd(self):
        self.add('runtime/one')
        a = self.spawn('exec', program('pta'), 'chain', '200')
        self.await_class(a.pid, 'runtime/one')
        self.remove('runtime/one', 'drain')
        self.assertFalse(self.exists('runtime/one'))
        last = [a.child() for _ in range(200)][-1]
        self.await_home(last)

    def test_kill(self):
        """Who is a member in a version 1 hierarchy only is ended too, and nobody else."""
        self.add('runtime/one', 'Hierarchies', 's', 'pids')
        other = self.spawn(path=program('ptd'))
        a, c = self.spawn(path=program('pta')), self.spawn(path=program('ptc'))
        self.await_class(other.pid, 'fixed')
        self.await_class(a.pid, 'runtime/one')
        self.await_class(c.pid, 'runtime/one', 'pids')
        self.assertEqual(place(c.pid), self.service.home)
        self.service.ctl('remove-class', '--kill', 'runtime/one')
        for victim in (a, c):
            self.assertEqual(victim.process.wait(5), -9)
        self.assert_alive(other)
        self.assertFalse(self.exists('runtime/one'))

    def test_parent_with_members(self):
        """A class that has members becomes a parent: they move to its leaf and stay its members."""
        self.add('runtime/one')
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'runtime/one')
        before = place(a.pid)
        self.add('runtime/one/below', 'Hierarchies', 's', 'pids')
        b = self.spawn(path=program('ptb'))
        self.await_class(b.pid, 'runtime/one/below')
        self.assertEqual(place(a.pid), f'{before}/+members')
        self.assertTrue(self.service.explain(a.pid)['InPlace'])
        self.assertEqual(self.service.explain(a.pid)['CurrentClass'], 'runtime/one')
        self.await_class(self.spawn(path=program('pta')).pid, 'runtime/one')
        self.assertEqual(self.service.get(path_of('runtime/one'), 'Class', 'ProcessCount'), 2)
        self.refused(self.remove, 'runtime/one', 'drain', text='below it')
        self.remove('runtime/one/below', 'drain')
        wait_for(lambda: place(b.pid) == self.service.home, 'the drained process to be at home')

    def test_they_outlive_a_restart(self):
        self.add('runtime/one', 'Hierarchies', 's', 'pids')
        self.add('runtime/one/below')
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'runtime/one')
        self.service.restart()
        self.assertLessEqual({'runtime', 'runtime/one', 'runtime/one/below'}, self.names())
        self.assertTrue(self.in_class(a.pid, 'runtime/one'))
        self.await_class(self.spawn(path=program('ptc')).pid, 'runtime/one', 'pids')
        self.remove('runtime/one/below')
        self.service.restart()
        self.assertNotIn('runtime/one/below', self.names())
        self.assertFalse(self.exists('runtime/one/below'))

    def test_what_is_not_made(self):
        for name in ('one', 'runtime', 'runtime/', 'runtime/../x', 'runtime/a b', 'runtime/.x', 'runtimes/x', 'runtime//x', 'runtime/%u',
                     'runtime/tasks', 'runtime/' + 'x' * 65, 'fixed/x'):
            self.refused(self.add, name)
        self.refused(self.add, 'runtime/no/parent', text='above it')
        self.refused(self.add, 'runtime/x', 'Hierarchies', 's', 'nosuch', text='no hierarchy')
        with self.assertRaisesRegex(BusError, "Option 'Hierarchies' has type 'as', expected 's'"):
            self.service.call(*ADD, 'runtime/x', 1, 'Hierarchies', 'as', 1, 'pids')
        self.refused(self.add, 'runtime/x', 'Nonsense', 's', 'x', text='Nonsense')
        self.assertFalse(self.exists('runtime/x'))
        for n in range(3):
            self.add(f'runtime/{n}')
        self.refused(self.add, 'runtime/3', text='RuntimeClassesMax')
        self.refused(self.add, 'runtime/2', text='already')
        self.remove('runtime/0')
        self.add('runtime/3')

    def test_what_is_not_removed(self):
        self.refused(self.remove, 'fixed', text='50-test.conf')
        self.refused(self.remove, 'fixed', 'kill', text='50-test.conf')
        self.refused(self.remove, 'kinds/%p')
        self.refused(self.remove, 'fixed', 'gently', text='mode')
        self.assertTrue(self.exists('fixed'))
        self.service.ctl('remove-class', 'nosuch', status=10)

    def test_instance(self):
        a = self.spawn(path=program('pt-x'))
        self.await_class(a.pid, 'kinds/pt-x')
        self.refused(self.remove, 'kinds/pt-x', text='in use')
        self.remove('kinds/pt-x', 'kill')
        self.assertEqual(a.process.wait(5), -9)
        self.assertFalse(self.exists('kinds/pt-x'))

    def test_none_allowed(self):
        self.service.stop()
        self.service.write_config(RuntimeClassesMax='0')
        self.service.start()
        self.refused(self.add, 'runtime/one', text='RuntimeClassesMax')
        self.assertEqual(members(self.class_path('runtime'), UNIFIED), [])
        self.assertIsNotNone(hierarchy_of('pids'))


class RuntimeRights(Case):
    """What root says of [Class runtime] holds for all below it."""
    CLASSES = '[Class runtime]\nAllowedUsers=ptest1\nTasksMax=500\n'
    RULES = 'one: comm=pta {home} => runtime/one\n'

    def test_allowed_users(self):
        self.service.call(*ADD, 'runtime/one', 0)
        one, two = self.as_user(61201, path=program('pta')), self.as_user(61202, path=program('pta'))
        self.await_class(one.pid, 'runtime/one')
        self.assert_home(two.pid)
        self.assertEqual(self.service.explain(two.pid)['Holder'], 'protected')
        self.assertTrue(self.in_class(one.pid, 'runtime/one', 'pids'))  # where TasksMax= of all of them counts it


class WithoutCgroup2(Case):
    """Where no cgroup2 ends whole classes members are ended one by one, by a broker that kept CAP_KILL for it."""
    WITHOUT = 'cgroup2'
    CLASSES = '[Class kinds/%p]\n'
    RULES = 'one: comm=pta {mine} => runtime/one\nfence: comm=ptfence {mine} => marker\nkind: comm=pt-* {mine} => kinds/%p\n'

    def setUp(self):
        super().setUp()
        self.membership = v1_membership()

    def remove(self, mode):
        return self.service.call(*REMOVE, path_of('runtime/one'), 1, 'mode', 's', mode)

    def test_kill(self):
        """Whoever is in there, whosever it is; nobody else."""
        self.service.call(*ADD, 'runtime/one', 0)
        a, b = self.spawn(path=program('pta')), self.as_user(61201, path=program('pta'))
        many = self.spawn('exec', program('pta'), *['fork', 'END'] * 30)
        children = [many.child() for _ in range(30)]
        beside = self.as_user(61201, path=program('ptbeside'))
        for pid in (a.pid, b.pid, many.pid, *children):
            self.await_class(pid, 'runtime/one', self.membership)
        self.remove('kill')
        for actor in (a, b, many):
            self.assertEqual(actor.process.wait(5), -9)
        for pid in children:
            wait_for(lambda: not os.path.exists(f'/proc/{pid}/exe'), lambda: f'{pid} to be gone')
        self.assert_alive(beside)
        self.assertFalse(os.path.exists(hierarchy_of(self.membership).path(self.class_path('runtime/one'))))

    def test_kill_of_an_instance_that_forks(self):
        chain = self.spawn('exec', program('pt-x'), 'wait', 'chain', 400)
        self.await_class(chain.pid, 'kinds/pt-x', self.membership)
        chain.go()  # all others are born in the class
        chain.child()
        self.service.call(*REMOVE, path_of('kinds/pt-x'), 1, 'mode', 's', 'kill')
        self.assertEqual(chain.process.wait(5), -9)
        wait_for(lambda: not os.path.exists(hierarchy_of(self.membership).path(self.class_path('kinds/pt-x'))), 'the class to be gone')

    def test_drain(self):
        self.service.call(*ADD, 'runtime/one', 0)
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'runtime/one', self.membership)
        self.remove('drain')
        wait_for(lambda: not self.in_class(a.pid, 'runtime/one', self.membership), lambda: self.where(a.pid))
        self.assert_alive(a)


class WithoutCapKill(Case):
    """As under the unit without its drop-in: the reason is told, and nobody is ended."""
    WITHOUT = 'cgroup2'
    START = False
    RULES = 'one: comm=pta {mine} => runtime/one\n'

    def test_refused(self):
        self.service.wrapper = ['setpriv', '--bounding-set=-kill', '--inh-caps=-kill']
        self.service.start()
        self.service.call(*ADD, 'runtime/one', 0)
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'runtime/one', v1_membership())
        with self.assertRaises(BusError) as caught:
            self.service.call(*REMOVE, path_of('runtime/one'), 1, 'mode', 's', 'kill')
        self.assertIn('takes CAP_KILL (the drop-in kill-members.conf)', str(caught.exception))
        self.assert_alive(a)
        self.assertTrue(self.in_class(a.pid, 'runtime/one', v1_membership()))

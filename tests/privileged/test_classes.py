"""Classes: real limits in real files, what is not supported here, several hierarchies, templates."""
import os

import machine
from case import Case, program
from machine import HIERARCHIES, hierarchy_of, place, wait_for

LIMITS = '''
[Class limited]
Description=With everything
CPUWeight=400
AllowedCPUs=0
MemoryHigh=64M
MemoryMax=128M
TasksMax=77
'''


def text(hierarchy, cgroup, name):
    with open(hierarchy.path(cgroup, name), encoding='utf-8') as f:
        return f.read().strip()


class Limits(Case):
    CLASSES = LIMITS
    RULES = 'one: comm=pta {home} => limited\n'

    def value(self, controller, v1, v2):
        h = hierarchy_of(controller)
        self.assertIsNotNone(h, f'{controller} is nowhere on this machine')
        return text(h, self.class_path('limited'), v1 if h.version == 1 else v2)

    def test_cpu_weight(self):
        self.assertEqual(self.value('cpu', 'cpu.shares', 'cpu.weight'), '4096' if hierarchy_of('cpu').version == 1 else '400')

    def test_allowed_cpus(self):
        self.assertEqual(self.value('cpuset', 'cpuset.cpus', 'cpuset.cpus'), '0')

    def test_memory_max(self):
        self.assertEqual(self.value('memory', 'memory.limit_in_bytes', 'memory.max'), str(128 << 20))

    def test_tasks_max(self):
        self.assertEqual(self.value('pids', 'pids.max', 'pids.max'), '77')

    def notes(self):
        return self.service.call('/Classes', 'Classes', 'List', 'a{sv}', 0)

    def test_unsupported_property_is_named(self):
        limited = next(c for c in self.notes() if c['Name'] == 'limited')
        properties = {p['Name']: p for p in limited['Properties']}
        self.assertEqual({n for n, p in properties.items() if p['Supported']} | {'MemoryHigh'},
                         {'CPUWeight', 'AllowedCPUs', 'MemoryHigh', 'MemoryMax', 'TasksMax'})
        v1 = hierarchy_of('memory').version == 1
        self.assertEqual(properties['MemoryHigh']['Supported'], not v1)
        if v1:
            self.assertTrue(properties['MemoryHigh']['Text'], 'no reason is given')
        else:
            self.assertEqual(self.value('memory', '', 'memory.high'), str(64 << 20))

    def test_members_are_limited_on_every_hierarchy_of_the_class(self):
        a = self.spawn(path=program('pta'))
        for controller in ('cgroup2', 'cpu', 'cpuset', 'memory', 'pids'):
            self.await_class(a.pid, 'limited', controller)
        with open(f'/proc/{a.pid}/status', encoding='utf-8') as f:
            self.assertIn('Cpus_allowed_list:\t0\n', f.read())

    def test_hierarchies_that_it_does_not_need_are_left_alone(self):
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'limited')
        for h in HIERARCHIES:
            if h.version == 1 and not set(h.controllers) & {'cpu', 'cpuset', 'memory', 'pids'}:
                self.assertNotIn(self.service.root, machine.places(a.pid)[h.controllers[0]])

    def test_listed_with_its_processes(self):
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'limited')
        listed = self.service.ctl('list-classes', '--json')
        entry = next(c for c in listed if c['Name'] == 'limited')
        self.assertEqual(entry['Processes'], 1)
        processes = self.service.call('/Classes/limited', 'Class', 'GetProcesses', 'a{sv}', 0)
        self.assertEqual(self.service.get('/Classes/limited', 'Class', 'ProcessCount'), 1)
        self.assertEqual([p['PID'] for p in processes], [a.pid])
        self.assertIn('With everything', self.service.ctl('list-classes') + str(self.notes()))

    def test_limit_bites(self):
        """TasksMax=77 really stops the 78th task."""
        a = self.spawn('exec', program('pta'), 'wait', 'chain', 100)
        for controller in ('cgroup2', 'pids'):
            self.await_class(a.pid, 'limited', controller)
        a.go()
        pids, cgroup = hierarchy_of('pids'), self.class_path('limited')
        refused = 'pids.events'
        wait_for(lambda: text(pids, cgroup, refused) != 'max 0', 'a fork to be refused')
        # The one that was refused has ended, its zombie counts until it is reaped.
        self.assertEqual(int(text(pids, cgroup, 'pids.current')), 77)
        self.assertIn(len(machine.members(cgroup, pids)), (76, 77))


class Targets(Case):
    CLASSES = '''
[Class a]
CPUWeight=50
Hierarchies=cpu
[Class b]
MemoryMax=256M
Hierarchies=memory cgroup2
[Class default]
Hierarchies=cpu cpuacct
[Class lab]
[Class lab/cgtest]
Hierarchies=memory
MemoryMax=512M
'''
    RULES = 'split: comm=pta {home} => cpu:a memory:b\nonly: comm=ptb {home} => memory:b\nnever: comm=ptn {home} => cpuacct:a\nmanual: comm=ptm {home} => cpu,cpuacct:default memory:lab/cgtest\n'

    def test_different_classes_in_different_hierarchies(self):
        if hierarchy_of('cpu') is hierarchy_of('memory'):
            self.fail('this machine has cpu and memory in one hierarchy: there is nothing to split')
        before = None
        a = self.spawn('wait', 'exec', program('pta'))
        before = machine.places(a.pid)
        a.go()
        self.await_class(a.pid, 'a', 'cpu')
        self.await_class(a.pid, 'b', 'memory')
        for controller, path in machine.places(a.pid).items():
            if controller not in ('cpu', 'memory'):
                self.assertEqual(path, before[controller])

    def test_the_rule_of_the_manual(self):
        """`cpu,cpuacct:default memory:cgtest`, with classes in classes and different trees: the answer, the plan and the lists say the same."""
        a = self.spawn('wait', 'exec', program('ptm'))
        before = machine.places(a.pid)
        self.service.call('/Status', 'Status', 'SetMode', 's', 'observe')
        a.go()
        wait_for(lambda: self.service.explain(a.pid)['Holder'] == 'observe', lambda: self.where(a.pid))
        planned = [row for row in self.service.plan() if row['PID'] == a.pid]
        self.assertEqual(len(planned), 1)
        for path in (self.class_path('default'), self.class_path('lab/cgtest')):
            self.assertIn(path, str(planned))
        self.assertEqual(machine.places(a.pid), before)
        self.service.call('/Status', 'Status', 'SetMode', 's', 'enforce')
        expected = dict(before)
        for controller in ('cpu', 'cpuacct'):
            expected[controller] = self.class_path('default')
        expected['memory'] = self.class_path('lab/cgtest')
        wait_for(lambda: machine.places(a.pid) == expected, lambda: f'{self.where(a.pid)} to be {expected}')
        said = self.service.explain(a.pid)
        self.assertTrue(said['InPlace'], said)
        self.assertEqual(said['Rule'], 'manual')
        listed = {c['Name']: c for c in self.service.ctl('list-classes', '--json')}
        paths = {name: {x['Path'] for x in listed[name]['Hierarchies']} for name in ('default', 'lab/cgtest')}
        self.assertEqual(paths, {name: {self.class_path(name)} for name in paths})
        self.assertIn(str(a.pid), self.service.ctl('explain', str(a.pid)))

    def test_class_that_is_in_none_of_them(self):
        rule = next(r for r in self.service.rules() if r['Name'] == 'never')
        self.assertEqual((rule['Active'], rule['Reason']), (False, "class a exists in none of the rule's hierarchies: add Hierarchies= to it"))

    def test_one_hierarchy_only(self):
        a = self.spawn(path=program('ptb'))
        self.await_class(a.pid, 'b', 'memory')
        self.assertEqual(place(a.pid), self.service.home)

    def test_return_is_to_the_origin_of_each_hierarchy(self):
        a = self.spawn('wait', 'exec', program('pta'))
        before = machine.places(a.pid)
        a.go()
        self.await_class(a.pid, 'b', 'memory')
        self.service.write_rules('marker: comm=ptmarker {home} => marker\n')
        self.service.reload()
        wait_for(lambda: machine.places(a.pid) == before, lambda: f'{machine.places(a.pid)} to be {before}')


class Templates(Case):
    CLASSES = '[Class users/%u]\nTasksMax=500\n[Class kinds/%p]\n[Class few/%p]\nInstancesMax=2\n[Class busy]\nCPUWeight=50\n'
    RULES = 'few: comm=ptf* {home} => few/%p\n' \
            'third: uid=61203 {home} => users/%u\nbusy: comm=ptbusy {home} => busy\n' \
            'kind: comm=pt-* {home} => kinds/%p\nuser: user=ptest1|ptest2 {home} => users/%u\n'

    def test_instances_come_and_go(self):
        pids = hierarchy_of('pids')
        one = self.as_user(61201)
        two = self.as_user(61202)
        again = self.as_user(61201)
        self.await_class(one.pid, 'users/ptest1')
        self.await_class(again.pid, 'users/ptest1')
        self.await_class(two.pid, 'users/ptest2')
        self.assertEqual(text(pids, self.class_path('users/ptest1'), 'pids.max'), '500')
        one.process.kill()
        one.process.wait()
        self.fence()
        self.assertTrue(self.exists('users/ptest1'))
        again.process.kill()
        again.process.wait()
        wait_for(lambda: not self.exists('users/ptest1'), 'the empty instance to be removed')
        self.assertTrue(self.exists('users/ptest2'))
        self.assertTrue(self.in_class(two.pid, 'users/ptest2'))

    def exists(self, name):
        return any(os.path.isdir(h.path(self.class_path(name))) for h in HIERARCHIES)

    def test_class_of_before_is_left(self):
        """Its limits hold in hierarchies that the template has not. The name of the user has to be asked for first."""
        a = self.spawn('wait', 'uid', 61203, path=program('ptbusy'))
        self.await_class(a.pid, 'busy', 'cpu')
        a.go()
        self.await_class(a.pid, 'users/ptest3')
        wait_for(lambda: not self.in_class(a.pid, 'busy', 'cpu'), lambda: f'{a.pid} out of class busy: {self.where(a.pid)}')

    def test_class_of_before_is_left_after_observing(self):
        a = self.spawn('wait', 'uid', 61203, 'say', 'done', path=program('ptbusy'))
        self.await_class(a.pid, 'busy', 'cpu')
        self.service.ctl('observe')
        a.go()
        self.assertEqual(a.line(), 'done')
        self.assertEqual(self.service.explain(a.pid)['Class'], 'users/ptest3')
        self.service.ctl('enforce')
        self.await_class(a.pid, 'users/ptest3')
        wait_for(lambda: not self.in_class(a.pid, 'busy', 'cpu'), lambda: f'{a.pid} out of class busy: {self.where(a.pid)}')

    def test_instance_comes_again(self):
        for _ in range(3):
            a = self.spawn(path=program('pt-kind'))
            self.await_class(a.pid, 'kinds/pt-kind')
            a.process.kill()
            a.process.wait()
            wait_for(lambda: not self.exists('kinds/pt-kind'), 'the empty instance to be removed')

    def test_children_of_the_first_member(self):
        """Forked while the class was still being made, and something else by now: they belong where their parent is."""
        n = 20
        for i in range(5):
            a = self.spawn('exec', program(f'pt-first{i}'), *['fork', 'exec', program('ptnone'), 'END'] * n)
            for pid in [a.pid] + [a.child() for _ in range(n)]:
                self.await_class(pid, f'kinds/pt-first{i}')

    def test_name_that_is_no_legal_class_is_not_used(self):
        """A program's name is its owner's choice: no path of another class can be made of it."""
        a = self.spawn(path=program('pt-bad name'))
        self.assert_home(a.pid)
        self.assertNotEqual(self.service.explain(a.pid)['Holder'], '')

    def test_many_kinds_of_bad_names(self):
        """A process names itself by prctl as it likes, 15 bytes without a NUL: nothing but harmless names becomes a directory."""
        for name in ('pt-a/b', 'pt-../x', 'pt-/..', 'pt-a\nb', 'pt-a\tb', 'pt-\x01', 'pt-\u00e4', 'pt-%u', 'pt-a%', 'pt-*', 'pt-+members'):
            a = self.spawn('comm', name)
            self.assert_home(a.pid)
            self.assertEqual(self.service.explain(a.pid)['Holder'], 'error', name)
        for name in ('pt-..', 'pt-.x', 'pt-a:b,c@d'):
            a = self.spawn('comm', name)
            self.await_class(a.pid, f'kinds/{name}')
        top = hierarchy_of('cgroup2').path(self.class_path('kinds'))
        self.assertEqual({n for n in os.listdir(top) if n.startswith('pt')}, {'pt-..', 'pt-.x', 'pt-a:b,c@d'})

    def test_capped_in_number(self):
        """The third waits for room, and says so; the other template has room of its own."""
        a, b = self.spawn(path=program('ptf1')), self.spawn(path=program('ptf2'))
        self.await_class(a.pid, 'few/ptf1')
        self.await_class(b.pid, 'few/ptf2')
        c = self.spawn(path=program('ptf3'))
        wait_for(lambda: self.service.explain(c.pid)['Holder'] == 'error', lambda: self.where(c.pid))
        self.assert_home(c.pid)
        self.assertIn('InstancesMax=', str(self.service.explain(c.pid)))
        self.assertFalse(self.exists('few/ptf3'))
        self.await_class(self.spawn(path=program('pt-kind')).pid, 'kinds/pt-kind')
        self.await_class(self.spawn(path=program('ptf2')).pid, 'few/ptf2')
        a.process.kill()
        a.process.wait()
        self.await_class(c.pid, 'few/ptf3')
        self.assertFalse(self.exists('few/ptf1'))

    def test_room_goes_to_who_waited_longest(self):
        """Without an event of their own, and long before the next sweep; with what they have forked meanwhile."""
        first = [self.spawn(path=program(f'ptf{n}')) for n in (1, 2)]
        for n, a in enumerate(first):
            self.await_class(a.pid, f'few/ptf{n + 1}')
        gone, late, last = (self.spawn('wait', 'fork', 'END', path=program(f'ptf{n}')) for n in (3, 4, 5))
        same = self.spawn(path=program('ptf4'))
        for a in (gone, late, last, same):
            wait_for(lambda pid=a.pid: self.service.explain(pid)['Holder'] == 'error', lambda pid=a.pid: self.where(pid))
        late.go()
        child = late.child()
        gone.process.kill()
        gone.process.wait()
        self.fence()
        first[0].process.kill()
        for pid in (late.pid, same.pid, child):
            self.await_class(pid, 'few/ptf4')
        self.assert_home(last.pid)
        first[1].process.kill()
        self.await_class(last.pid, 'few/ptf5')

    def test_instance_survives_a_restart(self):
        a = self.as_user(61201)
        self.await_class(a.pid, 'users/ptest1')
        self.service.restart()
        self.assert_alive(a)
        self.assertTrue(self.in_class(a.pid, 'users/ptest1'))
        wait_for(lambda: self.service.get('/Status', 'Status', 'Convergence')['Held'] == 0, 'who waited for a name to be in place')
        a.process.kill()
        a.process.wait()
        wait_for(lambda: not self.exists('users/ptest1'), 'the empty instance to be removed')


class LeftBehind(Case):
    """Root takes a class away that has members: where they came from is known as before, also of who was born there."""
    CLASSES = '[Class a]\n[Class b]\n'
    RULES = 'a: comm=pta {home} => a\n'

    def test_origin_is_known(self):
        marker = 'marker: comm=ptmarker {home} => marker\n'
        a = self.spawn('exec', program('pta'), 'wait', 'fork', 'exec', program('ptc'), 'END')
        self.await_class(a.pid, 'a')
        a.go()
        child = a.child()
        self.await_class(child, 'a')
        self.service.write_classes('[Class b]\n[Class marker]\n')
        self.service.write_rules(marker)
        self.service.restart()
        self.assertEqual(machine.place(child), self.class_path('a'))
        self.service.write_rules(marker + 'b: comm=ptc {home} => b\n')
        self.service.reload()
        self.await_class(child, 'b')
        self.service.write_rules(marker)
        self.service.reload()
        self.await_home(child)
        self.assertEqual(machine.place(a.pid), self.class_path('a'))


class Parents(Case):
    CLASSES = '[Class a]\nTasksMax=900\n[Class a/one]\nTasksMax=300\n'
    RULES = 'parent: comm=pta {home} => a\nchild: comm=ptb {home} => a/one\n'

    def test_parent_has_members_of_its_own(self):
        a, b = self.spawn(path=program('pta')), self.spawn(path=program('ptb'))
        self.await_class(a.pid, 'a')
        self.await_class(b.pid, 'a/one')
        self.assertEqual(text(hierarchy_of('pids'), self.class_path('a'), 'pids.max'), '900')
        self.assertEqual(text(hierarchy_of('pids'), self.class_path('a/one'), 'pids.max'), '300')

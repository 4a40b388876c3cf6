"""Who holds a process although a rule matches it: somebody's unit, protection."""
import machine
from case import Case, program
from machine import place
from service import BusError


class Units(Case):
    CLASSES = '[Class a]\n[Class b]\n[Class c]\nLeaveUnit=yes\n'
    RULES = '''
held:  comm=pta {slice} => a
freed: comm=ptb {slice} => b leave-unit
class: comm=ptc {slice} => c
unit:  unit=pt-other.service {slice} => b leave-unit
plain: comm=pta {home} => a
'''

    def unit(self, name='pt-test.service'):
        return machine.make_cgroup(f'{self.service.slice}/{name}')

    def held_by(self, cgroup, unit):
        a = self.spawn(path=program('pta'), cgroup=cgroup)
        self.fence()
        self.assertEqual(place(a.pid), cgroup)
        x = self.service.explain(a.pid)
        self.assertEqual((x['Rule'], x['InPlace'], x['Holder']), ('held', False, 'unit'))
        self.assertIn(unit, x['HolderDetail'])

    def test_service_holds_its_processes(self):
        self.held_by(self.unit(), 'pt-test.service')

    def test_scope_holds_too(self):
        self.held_by(self.unit('session-7.scope'), 'session-7.scope')

    def test_cgroup_below_a_unit_belongs_to_it(self):
        self.held_by(self.unit('pt-test.service/workers/one'), 'pt-test.service')

    def test_rule_with_leave_unit(self):
        a = self.spawn(path=program('ptb'), cgroup=self.unit())
        self.await_class(a.pid, 'b')

    def test_class_with_leave_unit(self):
        a = self.spawn(path=program('ptc'), cgroup=self.unit())
        self.await_class(a.pid, 'c')

    def test_slice_alone_holds_nobody(self):
        a = self.spawn(path=program('pta'), cgroup=self.unit('pclass-inner.slice'))
        self.await_class(a.pid, 'a')

    def test_unit_is_a_fact(self):
        a = self.spawn(path=program('ptnone'), cgroup=self.unit('pt-other.service'))
        self.await_class(a.pid, 'b')

    def test_origin_stays_a_fact_after_the_move(self):
        """The move must not undo its own reason: unit= still holds when it sits in the class."""
        a = self.spawn(path=program('ptnone'), cgroup=self.unit('pt-other.service'))
        self.await_class(a.pid, 'b')
        self.service.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0)
        self.fence()
        self.assertTrue(self.in_class(a.pid, 'b'), self.where(a.pid))

    def test_return_is_to_the_unit(self):
        unit = self.unit()
        a = self.spawn(path=program('ptb'), cgroup=unit)
        self.await_class(a.pid, 'b')
        self.service.write_rules('marker: comm=ptmarker {home} => marker\n')
        self.service.reload()
        self.assertEqual(place(a.pid), unit, self.where(a.pid))


class V1AreFree(Case):
    CLASSES = '[Class a]\nCPUWeight=50\n'
    RULES = 'held: comm=pta {slice} => a\n'

    def test_v1_hierarchies_do_not_belong_to_the_unit(self):
        cpu = machine.hierarchy_of('cpu')
        self.assertEqual(cpu.version, 1, 'this machine has no v1 cpu hierarchy')
        unit = machine.make_cgroup(f'{self.service.slice}/pt-test.service')
        a = self.spawn(path=program('pta'), cgroup=unit)
        self.await_class(a.pid, 'a', 'cpu')
        self.fence()
        self.assertEqual(place(a.pid), unit)


class Protected(Case):
    CLASSES = '[Class a]\n[Class vip]\nAllowedUsers=ptest1\n'
    RULES = 'one: comm=pta {home} => a\nvip: comm=ptv {home} => vip\n'
    CONFIG = {'ProtectUsers': 'ptest4', 'Protect': '{HOME}/kept*', 'Unprotect': '*/libpod-*'}

    def held_by(self, a, detail):
        x = self.service.explain(a.pid)
        self.assertEqual((x['Holder'], x['HolderDetail']), ('protected', detail))
        self.assertIn(f'Held by protection: {detail}.\n', self.service.ctl('explain', str(a.pid)))

    def protected(self, name):
        cgroup = machine.make_cgroup(f'{self.service.home}/{name}')
        a = self.spawn(path=program('pta'), cgroup=cgroup)
        self.fence()
        self.assertEqual(place(a.pid), cgroup)
        self.held_by(a, 'its cgroup (Protect=), or it is of pclass')

    def test_containers_are_left_alone(self):
        for name in ('docker-0123456789abcdef', 'kubepods.slice/pod1', 'crio-0123', 'cri-containerd-0123', 'lxc.payload.x'):
            with self.subTest(name=name):
                self.protected(name)

    def test_protect_of_the_configuration(self):
        self.protected('kept-here')

    def test_unprotect_of_the_configuration(self):
        a = self.spawn(path=program('pta'), cgroup=machine.make_cgroup(f'{self.service.home}/libpod-0123'))
        self.await_class(a.pid, 'a')

    def test_protected_user_is_left_alone(self):
        a = self.as_user(61204, path=program('pta'))
        self.fence()
        self.assertEqual(place(a.pid), self.service.home)
        self.held_by(a, 'its user (ProtectUsers=)')
        with self.assertRaisesRegex(BusError, 'is protected: ProtectUsers= in pclass.conf'):
            self.service.call('/Processes', 'Processes', 'AssignPid', 'usoa{sv}', a.pid, '', '/Classes/a', 0)
        self.service.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0)
        notes = [f for f in self.service.ctl('doctor', '--json') if f['Id'] == 'held']
        self.assertEqual([f['Problem'] for f in notes], ['1 that rules match are protected, or their class does not take their user'])
        self.assertNotIn('leave-unit', notes[0]['Remedy'])

    def test_class_takes_its_users_only(self):
        right, wrong = self.as_user(61201, path=program('ptv')), self.as_user(61202, path=program('ptv'))
        self.await_class(right.pid, 'vip')
        self.assert_home(wrong.pid)
        self.assertNotEqual(self.service.explain(wrong.pid)['Holder'], '')

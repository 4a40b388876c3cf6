"""Doctor: each setting that cannot take effect is named by the real service, with what mends it, and is named no more when it is mended."""
import unittest

import bus
from bus import Case
from machine import hierarchy_of
from service import Service


class Doctor(Case):
    def findings(self):
        return self.assertOk(bus.call('/Status', 'Status', 'Doctor', user='dave'))

    def named(self, identity):
        return {f['Subject']: f for f in self.findings() if f['Id'] == identity}

    def test_observe_mode(self):
        self.assertEqual(self.named('observe'), {})
        self.addCleanup(lambda: self.assertOk(bus.call('/Status', 'Status', 'SetMode', 's', 'enforce')))
        self.assertOk(bus.call('/Status', 'Status', 'SetMode', 's', 'observe'))
        found = self.named('observe')['service']
        self.assertEqual((found['Severity'], found['Remedy']), ('note', 'pclassctl enforce'))

    def test_inactive_rules(self):
        self.assertEqual(self.named('rule-inactive'), {})
        path = self.assertOk(bus.add('lost', target='no-such'))
        found = self.named('rule-inactive')['rule lost']
        self.assertEqual(found['Severity'], 'problem')
        self.assertIn('no-such', found['Problem'])
        self.assertIn('pclassctl replace lost', found['Remedy'])
        self.assertOk(bus.call(path, 'Rule', 'SetEnabled', 'ba{sv}', 'false', 0))
        self.assertEqual(self.named('rule-inactive'), {})  # what somebody switched off is not a mistake

    def test_rules_by_context_without_selinux(self):
        try:
            with open('/sys/fs/selinux/enforce', encoding='ascii'):
                self.fail('this test wants a machine without SELinux')
        except FileNotFoundError:
            pass
        self.assertEqual(self.named('no-selinux'), {})
        self.assertOk(bus.call('/Rules', 'Rules', 'Add', 'sa{sv}', f'ctx: cgroup={bus.HOME}* type=httpd_t => web', 0))
        self.assertIn('security=selinux', self.named('no-selinux')['rules by context']['Remedy'])
        self.assertEqual(self.named('rule-inactive'), {})  # once is enough for all of them

    def test_pclassctl_says_it(self):
        self.assertOk(bus.add('lost', target='no-such'))
        text = self.service.ctl('doctor', '--no-legend', status=1)
        self.assertEqual(text, '')  # problems are on standard output, and nothing else is wrong
        rows = {r['Id'] for r in self.findings()}
        self.assertIn('rule-inactive', rows)


class OtherMachines(unittest.TestCase):
    """Services of their own: classes that cannot be, an old kernel."""

    def findings(self, **how):
        service = Service(**how)
        self.addCleanup(service.destroy)
        service.start()
        return service.call('/Status', 'Status', 'Doctor')

    def setUp(self):
        bus.stop_service()  # there is one name on the bus

    def test_hierarchy_that_is_not_there(self):
        found = {f['Subject']: f for f in self.findings(classes='[Class a]\nHierarchies=cpu nosuch\n') if f['Id'] == 'property'}
        self.assertEqual(set(found), {'class a, Hierarchies'})
        self.assertTrue(found['class a, Hierarchies']['Problem'].endswith('there is no hierarchy here for nosuch'), found)

    def test_value_that_cannot_be(self):
        found = {f['Subject']: f for f in self.findings(classes='[Class a]\nAllowedCPUs=4000\n') if f['Id'] == 'property'}
        self.assertEqual(set(found), {'class a, AllowedCPUs'})
        self.assertIn('change it in the file of the class', found['class a, AllowedCPUs']['Remedy'])

    def test_socket_that_cannot_be_made(self):
        found = [f for f in self.findings(config={'CgredSocket': '/run/no-such-directory/socket'}) if f['Id'] == 'cgred-socket']
        self.assertEqual([(f['Subject'], f['Severity']) for f in found], [('CgredSocket=', 'problem')])
        self.assertIn('No such file or directory', found[0]['Problem'])

    def test_property_that_this_hierarchy_has_not(self):
        self.assertEqual(hierarchy_of('memory').version, 1, 'this test wants memory on cgroup v1')
        found = {f['Subject']: f for f in self.findings(classes='[Class a]\nMemoryHigh=1G\nCPUWeight=200\n') if f['Id'] == 'property'}
        self.assertEqual(set(found), {'class a, MemoryHigh'})
        self.assertEqual(found['class a, MemoryHigh']['Severity'], 'problem')
        self.assertTrue(found['class a, MemoryHigh']['Problem'].startswith('it has no effect: '))

    def test_old_kernel(self):
        found = {f['Id']: f for f in self.findings(without='pidfd-info,pidfs,event-mask')}
        self.assertLessEqual({'kernel-event-mask', 'kernel-pidfs', 'kernel-pidfd-info'}, set(found))
        self.assertEqual({found[i]['Severity'] for i in found if i.startswith('kernel')}, {'note'})
        self.assertIn('6.6', found['kernel-event-mask']['Remedy'])

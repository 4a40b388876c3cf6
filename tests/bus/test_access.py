"""Who may do what: root by being root, alice by a polkit rule, bob never (a polkit rule), dave only with an administrator's password."""
import os
import pwd
import re
import subprocess
import xml.etree.ElementTree as ET

import bus
from bus import ACCESS_DENIED, INTERACTIVE, Case
from machine import wait_for

ACTIONS_FILE = '/usr/share/polkit-1/actions/org.pclass.policy'


def protected_calls(pid):
    """Every method with a polkit action: arguments of a call that is right in all else."""
    return {
        'Add': ('/Rules', 'Rules', 'Add', 'sa{sv}', bus.rule_text('probe'), 0),
        'SetAll': ('/Rules', 'Rules', 'SetAll', 'st', bus.rule_text('probe'), 0),
        'Reload': ('/Rules', 'Rules', 'Reload'),
        'Plan': ('/Rules', 'Rules', 'Plan', 'sa{sv}', '', 0),
        'SetMode': ('/Status', 'Status', 'SetMode', 's', 'enforce'),
        'Reclassify': ('/Status', 'Status', 'Reclassify', 'a{sv}', 0),
        'GetProcesses': ('/Classes', 'Classes', 'GetProcesses', 'sa{sv}', 'web', 0),
        'GetProcesses of the object': ('/Classes/web', 'Class', 'GetProcesses', 'a{sv}', 0),
        'SetProperties': ('/Classes/web', 'Class', 'SetProperties', 'a{sv}', 1, 'CPUWeight', 's', '200'),
        'ExplainPid of root': ('/Processes', 'Processes', 'ExplainPid', 'us', pid, ''),
    }


FREE_CALLS = {
    'List': ('/Rules', 'Rules', 'List', 'a{sv}', 0),
    'Validate': ('/Rules', 'Rules', 'Validate', 's', 'a: uid=1 => x'),
    'Test': ('/Rules', 'Rules', 'Test', 'a{sv}', 1, 'comm', 's', 'x'),
    'List of classes': ('/Classes', 'Classes', 'List', 'a{sv}', 0),
    'Doctor': ('/Status', 'Status', 'Doctor'),
    'GetCounters': ('/Status', 'Status', 'GetCounters'),
    'a property': ('/Status', 'org.freedesktop.DBus.Properties', 'GetAll', 's', 'org.pclass.Status'),
}


class Access(Case):
    def every_protected(self, user, check):
        for name, args in protected_calls(os.getpid()).items():
            with self.subTest(user=user, method=name):
                check(bus.call(*args, user=user))
                self.clean()

    def test_root_is_allowed(self):
        self.every_protected('root', self.assertOk)

    def test_allowed_by_rule(self):
        self.every_protected('alice', self.assertOk)

    def test_denied_by_rule(self):
        self.every_protected('bob', lambda a: self.assertError(a, ACCESS_DENIED, 'polkit action org.pclass.'))

    def test_challenged_without_agent(self):
        self.every_protected('dave', lambda a: self.assertError(a, INTERACTIVE, 'password'))

    def test_classes_are_made_and_removed_by_who_may(self):
        add = ('/Classes', 'Classes', 'Add', 'sa{sv}', 'runtime/probe', 0)
        remove = ('/Classes', 'Classes', 'Remove', 'oa{sv}', '/Classes/runtime_2fprobe', 1, 'mode', 's', 'drain')
        for user in ('root', 'alice'):
            self.assertError(bus.call(*add, user='bob'), ACCESS_DENIED, 'org.pclass.classes.modify')
            self.assertError(bus.call(*add, user='dave'), INTERACTIVE, 'password')
            self.assertEqual(self.assertOk(bus.call(*add, user=user)), '/Classes/runtime_2fprobe')
            self.assertError(bus.call(*add, user=user), 'InUse', 'already')
            self.assertError(bus.call(*remove, user='bob'), ACCESS_DENIED, 'org.pclass.classes.modify')
            self.assertError(bus.call(*remove, user='dave'), INTERACTIVE, 'password')
            self.assertOk(bus.call(*remove, user=user))
            self.assertError(bus.call(*remove, user=user), 'NoSuchClass')
        wait_for(lambda: bus.call('/Classes/runtime', 'org.freedesktop.DBus.Properties', 'GetAll', 's', 'org.pclass.Class').error, 'the class above to go')
        self.assertError(bus.call('/Classes', 'Classes', 'Remove', 'oa{sv}', '/Classes/web', 0), 'NotSupported', 'conf')

    def test_administrator_needs_his_password_too(self):
        self.assertError(bus.add('probe', user='carol'), INTERACTIVE)

    def test_refused_changes_nothing(self):
        before = bus.rules()
        generation = self.service.get('/Rules', 'Rules', 'Generation')
        for user in ('bob', 'dave'):
            self.assertIsNotNone(bus.add('probe', user=user).error)
            self.assertIsNotNone(bus.call('/Status', 'Status', 'SetMode', 's', 'observe', user=user).error)
        self.assertEqual(bus.rules(), before)
        self.assertEqual(self.service.get('/Rules', 'Rules', 'Generation'), generation)
        self.assertEqual(self.service.get('/Status', 'Status', 'Mode'), 'enforce')

    def test_remove_and_switch(self):
        path = self.assertOk(bus.add('probe'))
        switch = (path, 'Rule', 'SetEnabled', 'ba{sv}', 'false', 0)
        for user, error in (('bob', ACCESS_DENIED), ('dave', INTERACTIVE)):
            self.assertError(bus.remove(path, user=user), error)
            self.assertError(bus.call(*switch, user=user), error)
            self.assertError(bus.call('/Rules', 'Rules', 'Replace', 'osa{sv}', path, bus.rule_text('probe'), 0, user=user), error)
        self.assertTrue(bus.rules()['probe']['Enabled'])
        self.assertOk(bus.call(*switch, user='alice'))
        self.assertFalse(bus.rules()['probe']['Enabled'])
        self.assertOk(bus.remove(path, user='alice'))
        self.assertNotIn('probe', bus.rules())

    def test_switch_is_forgotten_with_the_rule(self):
        path = self.assertOk(bus.add('probe'))
        self.assertOk(bus.call(path, 'Rule', 'SetEnabled', 'ba{sv}', 'false', 0))
        self.assertOk(bus.remove(path))
        self.assertOk(bus.add('probe'))
        self.assertTrue(bus.rules()['probe']['Active'])

    def test_reads_are_free(self):
        for user in ('bob', 'dave', 'alice'):
            for name, args in FREE_CALLS.items():
                with self.subTest(user=user, method=name):
                    self.assertOk(bus.call(*args, user=user))

    def test_own_processes_are_free(self):
        """Even to bob, whom a polkit rule denies everything."""
        own = subprocess.Popen(bus.as_user('bob', 'sleep', '60'))
        self.addCleanup(lambda: (own.kill(), own.wait()))
        wait_for(lambda: os.stat(f'/proc/{own.pid}').st_uid != 0, 'setpriv to become bob')
        explain = ('/Processes', 'Processes', 'ExplainPid', 'us', own.pid, '')
        value = self.assertOk(bus.call(*explain, user='bob'))
        self.assertEqual(value['PID'], own.pid)
        self.assertError(bus.call(*explain, user='dave'), INTERACTIVE)

    def test_nobody_else_takes_the_name(self):
        for user in ('alice', 'dave'):
            r = subprocess.run(bus.as_user(user, 'busctl', 'call', 'org.freedesktop.DBus', '/', 'org.freedesktop.DBus', 'RequestName', 'su',
                                           'org.pclass', '0'), capture_output=True, text=True, check=False)
            self.assertNotEqual(r.returncode, 0)
            self.assertIn('denied', r.stderr)

    def test_service_is_not_root_on_the_bus(self):
        """It serves as user pclass, so polkit answers it only because the actions name it as their owner."""
        self.assertEqual(bus.bus_call('GetConnectionUnixUser', 's', 'org.pclass'), pwd.getpwnam('pclass').pw_uid)


class Policy(Case):
    def declared(self):
        return {a.get('id'): a for a in ET.parse(ACTIONS_FILE).getroot().iter('action')}

    def used(self):
        with open(os.environ['PCLASS_SOURCE'] + '/polkit/actions.h', encoding='utf-8') as f:
            return set(re.findall(r'"(org\.pclass\.[a-z.]+)"', f.read()))

    def test_used_actions_are_declared(self):
        self.assertEqual(set(self.declared()), self.used())

    def test_defaults_and_owner(self):
        for name, action in self.declared().items():
            with self.subTest(action=name):
                defaults = {d.tag: d.text for d in action.find('defaults')}
                self.assertEqual(defaults, {'allow_any': 'auth_admin', 'allow_inactive': 'auth_admin', 'allow_active': 'auth_admin_keep'})
                owner = {a.get('key'): a.text for a in action.iter('annotate')}
                self.assertEqual(owner, {'org.freedesktop.policykit.owner': 'unix-user:pclass'})
                self.assertTrue(action.find('message').text.startswith('Authentication is required'))

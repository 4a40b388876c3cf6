"""The contract: introspection, options, errors, answers, signals."""
import glob
import json
import os
import signal
import subprocess
import threading
import xml.etree.ElementTree as ET

import bus
from bus import INVALID_ARGS, Case
from machine import UNIFIED, make_cgroup, wait_for

XML_DIR = '/usr/share/dbus-1/interfaces'
OBJECTS = {'Rules': '/Rules', 'Rule': '/Rules/_1', 'Classes': '/Classes', 'Class': '/Classes/web', 'Processes': '/Processes', 'Status': '/Status'}


def canonical(element):
    """An element without comments, blanks and order."""
    return (element.tag, tuple(sorted(element.items())), tuple(sorted(canonical(c) for c in element if isinstance(c.tag, str)
                                                                     and c.tag != 'arg')),
            tuple(canonical(a) for a in element if a.tag == 'arg'))


def interfaces(text):
    return {i.get('name'): canonical(i) for i in ET.fromstring(text).iter('interface')}


def introspect(path, user=None):
    return bus.call(path, 'org.freedesktop.DBus.Introspectable', 'Introspect', user=user).value


class Contract(Case):
    def object_of(self, name):
        return bus.rules()['file']['Path'] if name == 'Rule' else OBJECTS[name]

    def test_introspection_is_the_shipped_xml(self):
        files = {os.path.basename(f)[len('org.pclass.'):-len('.xml')]: f for f in glob.glob(f'{XML_DIR}/org.pclass.*.xml')}
        self.assertEqual(set(files), set(OBJECTS))
        for name, file in files.items():
            with self.subTest(interface=name), open(file, encoding='utf-8') as f:
                live = {k: v for k, v in interfaces(introspect(self.object_of(name))).items() if k.startswith('org.pclass.')}
                self.assertEqual(live, interfaces(f.read()))

    def test_objects_below(self):
        def children(path):
            return {n.get('name') for n in ET.fromstring(introspect(path)).findall('node')}

        rule = bus.rules()['file']['Path']
        self.assertEqual(children('/'), {'Rules', 'Classes', 'Processes', 'Status'})
        self.assertEqual(children('/Rules'), {os.path.basename(rule)})
        self.assertEqual(children('/Classes'), {'web', 'users', 'users_2f_25u'})
        self.assertEqual(children('/Classes/web'), set())
        self.assertEqual(children(rule), set())

    def test_object_manager(self):
        objects = bus.call('/', 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects', user='dave').value
        rule = bus.rules()['file']
        self.assertEqual(objects[rule['Path']]['org.pclass.Rule']['Text'], rule['Text'])
        self.assertEqual(objects['/Classes/web']['org.pclass.Class']['Name'], 'web')
        self.assertEqual(objects['/Rules']['org.pclass.Rules']['Count'], 1)
        self.assertIn('org.pclass.Status', objects['/Status'])


class Options(Case):
    CALLS = {
        'Add': ('/Rules', 'Rules', 'Add', 'sa{sv}', bus.rule_text('probe')),
        'List': ('/Rules', 'Rules', 'List', 'a{sv}'),
        'Plan': ('/Rules', 'Rules', 'Plan', 'sa{sv}', ''),
        'Test': ('/Rules', 'Rules', 'Test', 'a{sv}'),
        'List of classes': ('/Classes', 'Classes', 'List', 'a{sv}'),
        'GetProcesses': ('/Classes', 'Classes', 'GetProcesses', 'sa{sv}', 'web'),
        'GetProcesses of the object': ('/Classes/web', 'Class', 'GetProcesses', 'a{sv}'),
        'Reclassify': ('/Status', 'Status', 'Reclassify', 'a{sv}'),
        'SetProperties': ('/Classes/web', 'Class', 'SetProperties', 'a{sv}'),
    }

    def test_unknown_option_is_named(self):
        path = bus.rules()['file']['Path']
        calls = {**self.CALLS, 'Remove': ('/Rules', 'Rules', 'Remove', 'oa{sv}', path), 'SetEnabled': (path, 'Rule', 'SetEnabled', 'ba{sv}', 'true')}
        for name, args in calls.items():
            with self.subTest(method=name):
                self.assertError(bus.call(*args, 1, 'colour', 's', 'red'), INVALID_ARGS, "'colour'")

    def test_option_of_wrong_type_is_named(self):
        for option, kind, value in (('before', 'u', 3), ('after', 'b', 'true'), ('replace', 's', 'yes')):
            with self.subTest(option=option):
                self.assertError(bus.add('probe', option, kind, value), INVALID_ARGS, f"'{option}'")
        self.assertError(bus.call('/Rules', 'Rules', 'Test', 'a{sv}', 1, 'groups', 's', '5'), INVALID_ARGS, "'groups'")

    def test_places_of_rules(self):
        for name, options in (('one', ()), ('two', ('after', 's', 'one')), ('three', ('before', 's', 'two'))):
            self.assertOk(bus.add(name, *options))
        rows = bus.rules()
        self.assertEqual(sorted(rows, key=lambda n: rows[n]['Position']), ['one', 'three', 'two', 'file'])
        self.assertError(bus.add('four', 'before', 's', 'nobody'), 'NoSuchRule')
        self.assertError(bus.add('four', 'before', 's', 'one', 'after', 's', 'two'), INVALID_ARGS)

    def test_replace_in_place(self):
        self.assertOk(bus.add('one'))
        self.assertOk(bus.add('two', 'after', 's', 'one'))
        self.assertError(bus.add('one', comm='other'), 'InUse')
        self.assertOk(bus.add('one', 'replace', 'b', 'true', comm='other'))
        rows = bus.rules()
        self.assertIn('comm=other', rows['one']['Text'])
        self.assertEqual([rows['one']['Position'], rows['two']['Position']], [0, 1])

    def test_page_of_processes(self):
        for limit in (0, 16385):
            self.assertError(bus.call('/Classes', 'Classes', 'GetProcesses', 'sa{sv}', 'web', 1, 'limit', 'u', limit), INVALID_ARGS, 'limit')


class Errors(Case):
    def test_rules(self):
        self.assertError(bus.call('/Rules', 'Rules', 'Add', 'sa{sv}', 'web: colour=red => web', 0), 'InvalidRule', 'column 6')
        self.assertError(bus.call('/Rules', 'Rules', 'Add', 'sa{sv}', '', 0), 'InvalidRule')
        self.assertError(bus.call('/Rules', 'Rules', 'Add', 'sa{sv}', 'x: uid=61200 => web\ny: uid=61201 => web', 0), 'InvalidRule')
        self.assertError(bus.call('/Rules', 'Rules', 'Add', 'sa{sv}', 'x' * 4097, 0), 'InvalidRule', '4096')
        self.assertError(bus.add('file'), 'InUse', '50-test.rules')
        for path in ('/Rules/_999999', '/Rules', '/', '/Rules/_1x', '/Rules/_18446744073709551617'):
            self.assertError(bus.remove(path), 'NoSuchRule')
        self.assertError(bus.remove(bus.rules()['file']['Path']), 'NotSupported', 'file')
        self.assertError(bus.call('/Rules', 'Rules', 'Plan', 'sa{sv}', 'a: comm=x =>', 0), 'InvalidRule')

    def test_processes(self):
        for pid in (0, 4194304, 4294967295):
            self.assertError(bus.call('/Processes', 'Processes', 'ExplainPid', 'us', pid, ''), 'NoSuchProcess', str(pid))
        self.assertError(bus.call('/Processes', 'Processes', 'ExplainPid', 'us', os.getpid(), 'frog'), INVALID_ARGS)
        self.assertError(bus.call('/Processes', 'Processes', 'ExplainPid', 'us', os.getpid(), '1'), 'NoSuchProcess')

    def test_classes(self):
        self.assertError(bus.call('/Classes', 'Classes', 'GetProcesses', 'sa{sv}', 'nobody', 0), 'NoSuchClass', 'nobody')
        self.assertError(bus.call('/Classes/nobody', 'Class', 'GetProcesses', 'a{sv}', 0), 'org.freedesktop.DBus.Error.UnknownObject')

    def test_mode(self):
        self.assertError(bus.call('/Status', 'Status', 'SetMode', 's', 'sleep'), INVALID_ARGS, 'sleep')

    def test_reload_of_a_wrong_file(self):
        self.service.write_rules('oops\n', '60-wrong.rules', unchecked=True)
        self.addCleanup(lambda: self.service.reload())
        self.addCleanup(os.unlink, f'{self.service.dir}/rules.d/60-wrong.rules')
        self.assertError(bus.call('/Rules', 'Rules', 'Reload'), 'InvalidRule', '60-wrong.rules:1')
        self.assertEqual(set(bus.rules()), {'file'})


class Answers(Case):
    def test_users_own_command(self):
        """The very command line that the manual has."""
        r = subprocess.run(['busctl', 'call', 'org.pclass', '/Rules', 'org.pclass.Rules', 'Add', 'sa{sv}', bus.rule_text('probe'), '0'],
                           capture_output=True, text=True, check=False)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(r.stdout, f'o "{bus.rules()["probe"]["Path"]}"\n')

    def test_rule_row_and_object_agree(self):
        path = self.assertOk(bus.add('probe', target='users/%u'))
        row = bus.rules()['probe']
        self.assertEqual({k: row[k] for k in ('Text', 'Source', 'Line', 'Target', 'Position', 'Enabled', 'Active', 'Reason', 'Matches', 'Path')},
                         {'Text': bus.rule_text('probe', target='users/%u'), 'Source': '', 'Line': 0, 'Target': 'users/%u', 'Position': 0,
                          'Enabled': True, 'Active': True, 'Reason': '', 'Matches': 0, 'Path': path})
        properties = bus.call(path, 'org.freedesktop.DBus.Properties', 'GetAll', 's', 'org.pclass.Rule', user='dave').value
        self.assertEqual(properties, {k: row[k] for k in properties})
        self.assertEqual(len(properties), 9)
        of_file = bus.rules()['file']
        self.assertEqual((of_file['Source'], of_file['Line']), (f'{self.service.dir}/rules.d/50-test.rules', 1))

    def test_inactive_rule_says_why(self):
        self.assertOk(bus.add('probe', target='no-such-class'))
        row = bus.rules()['probe']
        self.assertEqual((row['Enabled'], row['Active']), (True, False))
        self.assertIn('no-such-class', row['Reason'])

    def test_validate(self):
        value = bus.call('/Rules', 'Rules', 'Validate', 's', 'a: uid=1 => x\nb: hue=2 => y\n\nc uid=3 => z').value
        self.assertEqual([(e[0], e[1]) for e in value], [(2, 4), (4, 2)])
        self.assertIn('hue', value[0][2])
        self.assertEqual(bus.call('/Rules', 'Rules', 'Validate', 's', 'a: uid=1 => x').value, [])

    def test_test(self):
        def test(*facts):
            return self.assertOk(bus.call('/Rules', 'Rules', 'Test', 'a{sv}', *facts))

        self.assertOk(bus.add('named', comm='pt-named', target='users/%u'))
        home = ('cgroup', 's', f'{bus.HOME}/x')
        self.assertEqual(test(2, *home, 'comm', 's', 'pt-file'),
                         {'Rule': 'file', 'Source': f'{self.service.dir}/rules.d/50-test.rules', 'Line': 1, 'Class': 'web', 'Reason': '',
                          'Ignored': False})
        named = test(3, *home, 'comm', 's', 'pt-named', 'user', 's', 'joe')
        self.assertEqual((named['Rule'], named['Source'], named['Class']), ('named', '', 'users/joe'))
        unknown = test(2, *home, 'comm', 's', 'pt-named')
        self.assertEqual((unknown['Class'], unknown['Reason']), ('', 'user is unknown'))
        none = test(1, 'comm', 's', 'pt-file')
        self.assertEqual((none['Rule'], none['Class']), ('', ''))

    def test_class_rows(self):
        rows = {r['Name']: r for r in bus.call('/Classes', 'Classes', 'List', 'a{sv}', 0).value}
        self.assertEqual(set(rows), {'web', 'users', 'users/%u'})
        web = rows['web']
        self.assertEqual((web['IsTemplate'], web['Template'], web['Processes']), (False, '', 0))
        self.assertTrue(rows['users/%u']['IsTemplate'])
        membership = [h for h in web['Hierarchies'] if h['Version'] == 2]
        self.assertEqual(membership[0]['Path'], f'{self.service.root}/web')
        weight = {p['Name']: p for p in web['Properties']}['CPUWeight']
        self.assertTrue(weight['Supported'] or weight['Text'])
        properties = bus.call('/Classes/web', 'org.freedesktop.DBus.Properties', 'GetAll', 's', 'org.pclass.Class').value
        self.assertEqual(set(properties), {'Name', 'Paths', 'Properties', 'ProcessCount', 'Empty'})
        self.assertEqual(properties['Paths'], {h['Controllers']: h['Path'] for h in web['Hierarchies']})
        self.assertTrue(properties['Empty'])

    def test_status(self):
        status = bus.call('/Status', 'org.freedesktop.DBus.Properties', 'GetAll', 's', 'org.pclass.Status', user='dave').value
        self.assertEqual((status['State'], status['Mode'], status['BrokerConnected'], status['ApiVersion']), ('running', 'enforce', True, 1))
        self.assertIsInstance(status['BrokerCapabilities'], list)
        self.assertEqual(status['MovesPending'], 0)
        self.assertLess(status['BrokerSilentUSec'], 1000000)
        self.assertEqual(status['Convergence']['Wrong'], 0)
        result = bus.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0).value
        self.assertGreater(result['Checked'], 0)
        self.assertTrue(result['Converged'])


class MemberCase(Case):
    """Real processes in a class."""

    def start_member(self, name=b'pt-file'):
        make_cgroup(bus.HOME)
        code = f'''import ctypes, signal
open({UNIFIED.path(bus.HOME, "cgroup.procs")!r}, "w").write("0")
ctypes.CDLL(None).prctl(15, {name!r}, 0, 0, 0)
print(flush=True)
signal.pause()'''
        process = subprocess.Popen(['python3', '-c', code], stdout=subprocess.PIPE)
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout.close()))
        process.stdout.readline()
        return process

    def members(self, *options):
        return bus.call('/Classes', 'Classes', 'GetProcesses', 'sa{sv}', 'web', len(options) // 3, *options).value

    def in_class(self, *processes):
        wait_for(lambda: {p.pid for p in processes} <= {m['PID'] for m in self.members()}, lambda: f'members {self.members()}')


class Members(MemberCase):
    """Seen through the bus."""

    def test_pages(self):
        processes = [self.start_member() for _ in range(3)]
        self.in_class(*processes)
        pids = sorted(p.pid for p in processes)
        self.assertEqual([m['PID'] for m in self.members()], pids)
        self.assertEqual([m['PID'] for m in self.members('limit', 'u', 2)], pids[:2])
        self.assertEqual([m['PID'] for m in self.members('after', 'u', pids[0], 'limit', 'u', 1)], pids[1:2])
        self.assertEqual([m['PID'] for m in self.members('after', 'u', pids[2])], [])
        row = self.members()[0]
        self.assertEqual((row['Comm'], row['UID'], row['Rule'], row['Assigned']), ('pt-file', 0, 'file', False))
        self.assertEqual(bus.call('/Classes/web', 'Class', 'GetProcesses', 'a{sv}', 0).value, self.members())
        cookie = row['Cookie']
        self.assertEqual(self.assertOk(bus.call('/Processes', 'Processes', 'ExplainPid', 'us', pids[0], cookie))['Cookie'], cookie)
        self.assertFalse(self.service.get('/Classes/web', 'Class', 'Empty'))
        self.assertEqual(self.service.get('/Classes/web', 'Class', 'ProcessCount'), 3)

    def test_name_that_is_no_text(self):
        """D-Bus takes UTF-8 only; a process takes what it likes for a name."""
        self.assertOk(bus.add('odd', comm='pt-odd*'))
        process = self.start_member(b'pt-odd\xff\xfe\n')
        self.in_class(process)
        row = [m for m in self.members() if m['PID'] == process.pid][0]
        self.assertEqual(row['Comm'], 'pt-odd\\xff\\xfe\\x0a')
        facts = {f['Name']: f for f in self.service.explain(process.pid)['Facts']}
        self.assertEqual(facts['comm']['Value'], 'pt-odd\\xff\\xfe\\x0a')

    def test_reply_comes_after_the_move(self):
        process = self.start_member(b'pt-late')
        self.assertNotIn(process.pid, [m['PID'] for m in self.members()])
        path = self.assertOk(bus.add('late', comm='pt-late'))
        explained = self.service.explain(process.pid)  # no waiting: the reply promised it
        self.assertTrue(explained['InPlace'], explained)
        self.assertEqual((explained['Rule'], explained['Class'], explained['CurrentClass']), ('late', 'web', 'web'))
        self.assertOk(bus.remove(path))
        with open(f'/proc/{process.pid}/cgroup', encoding='utf-8') as f:
            self.assertIn(f'0::{bus.HOME}\n', f.read())

    def test_plan_is_not_a_move(self):
        process = self.start_member(b'pt-plan')
        rows = self.assertOk(bus.call('/Rules', 'Rules', 'Plan', 'sa{sv}', bus.rule_text('plan', comm='pt-plan'), 0))
        row = {r['PID']: r for r in rows}[process.pid]
        self.assertEqual((row['Rule'], row['Class'], row['Comm'], row['UID'], row['Holder']), ('plan', 'web', 'pt-plan', 0, ''))
        self.assertIn(f'{self.service.root}/web', row['To'])
        self.assertFalse(self.service.explain(process.pid)['InPlace'])


class Signals(Case):
    """What a listener sees, in the order the bus delivered it."""

    def monitored(self, action):
        monitor = subprocess.Popen(['busctl', 'monitor', '--json=short', 'org.pclass'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        patience = threading.Timer(30, monitor.kill)
        patience.start()
        try:
            # "Monitoring bus message stream." is printed when the bus has agreed
            self.assertIn('Monitoring', monitor.stderr.readline())
            action()
            self.service.counters()  # the last message we look for
            messages = []
            while not messages or messages[-1].get('member') != 'GetCounters':
                line = monitor.stdout.readline()
                self.assertTrue(line, 'the monitor ended')
                messages.append(json.loads(line))
            return messages
        finally:
            patience.cancel()
            monitor.send_signal(signal.SIGTERM)
            monitor.communicate()

    def order(self, messages, method):
        """(index of the Changed signal, of InterfacesAdded/Removed, of the reply)"""
        asked = next(m for m in messages if m.get('member') == method)
        changed = [i for i, m in enumerate(messages) if m['type'] == 'signal' and m.get('member') == 'Changed']
        objects = [i for i, m in enumerate(messages) if m.get('member') in ('InterfacesAdded', 'InterfacesRemoved')]
        reply = [i for i, m in enumerate(messages) if m['type'] == 'method_return' and m.get('reply_cookie') == asked['cookie']
                 and m.get('destination') == asked['sender']]
        return changed, objects, reply

    def test_signals_before_the_reply(self):
        for method, action in (('Add', lambda: self.assertOk(bus.add('probe'))),
                               ('Remove', lambda: self.assertOk(bus.remove(bus.rules()['probe']['Path'])))):
            with self.subTest(method=method):
                changed, objects, reply = self.order(self.monitored(action), method)
                self.assertEqual((len(changed), len(objects), len(reply)), (1, 1, 1))
                self.assertLess(changed[0], reply[0])
                self.assertLess(objects[0], reply[0])

    def test_generation_is_in_the_signal(self):
        messages = self.monitored(lambda: self.assertOk(bus.add('probe')))
        changed = next(m for m in messages if m.get('member') == 'Changed')
        self.assertEqual(changed['payload']['data'], [self.service.get('/Rules', 'Rules', 'Generation')])

    def test_mode_is_announced(self):
        self.addCleanup(lambda: self.assertOk(bus.call('/Status', 'Status', 'SetMode', 's', 'enforce')))
        messages = self.monitored(lambda: self.assertOk(bus.call('/Status', 'Status', 'SetMode', 's', 'observe')))
        changes = [m['payload']['data'] for m in messages if m.get('member') == 'PropertiesChanged' and m.get('path') == '/Status']
        self.assertTrue(any(c[1]['Mode']['data'] == 'observe' for c in changes), changes)

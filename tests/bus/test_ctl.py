"""pclassctl beside the real service: what needs a service that changes, and more rules than fit anywhere."""
import json
import signal
import subprocess
import threading

import bus
from bus import Case
from test_interface import MemberCase


class Lines:
    """A pclassctl that goes on, and its lines."""

    def __init__(self, *args, user=None):
        self.process = subprocess.Popen(bus.as_user(user, 'pclassctl', *args), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.patience = threading.Timer(60, self.process.kill)
        self.patience.start()

    def next(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f'it ended with {self.process.wait()}')
        return line.rstrip('\n')

    def end(self):
        """Its exit code."""
        self.process.send_signal(signal.SIGINT)
        self.patience.cancel()
        self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(20)


class Monitor(Case):
    def monitor(self, *args, **how):
        lines = Lines('monitor', *args, **how)
        self.addCleanup(lambda: lines.process.poll() is None and lines.end())
        return lines

    def next(self, lines, event):
        row = json.loads(lines.next())
        self.assertEqual(row['Event'], event, row)
        return row

    def test_rules(self):
        lines = self.monitor('--json', user='bob')  # looking is free
        self.assertEqual(self.next(lines, 'status')['State'], 'running')
        first = self.next(lines, 'generation')
        generation = first['Generation']
        self.assertEqual((type(generation), first['Count']), (int, len(bus.rules())))
        path = self.assertOk(bus.add('one'))
        added = self.next(lines, 'rule-added')
        self.assertEqual((added['Text'], added['State'], added['Source']), (bus.rules()['one']['Text'], 'active', ''))
        self.assertEqual(self.next(lines, 'generation')['Generation'], generation + 1)
        self.assertOk(bus.call('/Rules', 'Rules', 'Replace', 'osa{sv}', path, bus.rule_text('one', target='no-such'), 0))
        changed = self.next(lines, 'rule-changed')
        self.assertEqual(changed['State'], 'inactive')
        self.assertIn('no-such', changed['Reason'])
        self.next(lines, 'generation')
        self.assertOk(bus.call(path, 'Rule', 'SetEnabled', 'ba{sv}', 'false', 0))
        self.assertEqual(self.next(lines, 'rule-changed')['State'], 'disabled')
        self.next(lines, 'generation')
        self.assertOk(bus.remove(path))
        self.assertIn('one:', self.next(lines, 'rule-removed')['Text'])
        self.next(lines, 'generation')
        self.assertEqual(lines.end(), 0)

    def test_text(self):
        lines = self.monitor()
        self.assertRegex(lines.next(), r'^\d\d:\d\d:\d\d status  running  enforce$')
        self.assertRegex(lines.next(), r'^\d\d:\d\d:\d\d generation  \d+  1 rules$')
        self.assertOk(bus.add('one'))
        self.assertRegex(lines.next(), r' rule-added  one: .* => web  active$')
        self.assertEqual(lines.end(), 0)

    def test_mode(self):
        self.addCleanup(lambda: self.assertOk(bus.call('/Status', 'Status', 'SetMode', 's', 'enforce')))
        lines = self.monitor('--json')
        lines.next(), lines.next()
        self.assertOk(bus.call('/Status', 'Status', 'SetMode', 's', 'observe'))
        self.assertEqual(self.next(lines, 'status')['Mode'], 'observe')

    def test_service_ends_and_comes(self):
        lines = self.monitor('--json')
        lines.next(), lines.next()
        self.service.restart()
        events = []
        while events[-1:] != ['generation']:
            events.append(json.loads(lines.next())['Event'])
        self.assertLess(events.index('service-ended'), events.index('service-started'))
        self.assertOk(bus.add('one'))
        while events[-1] != 'rule-added':
            events.append(json.loads(lines.next())['Event'])
        self.assertEqual(lines.end(), 0)


class Use(MemberCase):
    """Classes with processes in them."""

    def test_monitor_classes(self):
        lines = Lines('monitor', '--json')
        self.addCleanup(lambda: lines.process.poll() is None and lines.end())
        lines.next(), lines.next()
        self.assertOk(bus.add('named', comm='pt-named', target='users/%u'))
        process = self.start_member(b'pt-named')
        events = []
        while ('class-added', 'users/root') not in events:
            events.append((lambda row: (row['Event'], row.get('Name')))(json.loads(lines.next())))
        process.kill()
        while ('class-removed', 'users/root') not in events:
            events.append((lambda row: (row['Event'], row.get('Name')))(json.loads(lines.next())))
        self.assertIn(('rule-added', None), events)

    def test_every_change_says_json(self):
        pid = str(self.start_member(b'pt-free').pid)
        self.service.ctl('add-class', 'runtime/json', 'CPUWeight=200')
        for args in (('set-property', 'runtime/json', 'CPUWeight=300'), ('freeze', 'runtime/json'), ('thaw', 'runtime/json'), ('assign', 'runtime/json', pid),
                     ('pin', 'runtime/json', pid), ('release', pid), ('remove-class', 'runtime/json')):
            with self.subTest(verb=args[0]):
                self.assertEqual(self.service.ctl(*args, '--json'), {})

    def test_top(self):
        process = self.start_member()
        self.in_class(process)
        rows = {r['Name']: r for r in json.loads(self.service.ctl('top', '-n2', '-d', '0.3', '--json=short').splitlines()[1])}
        self.assertEqual(set(rows), {'web', 'users'})
        classes = {r['Name']: r for r in self.service.ctl('list-classes', '--json')}
        for key in ('Tasks', 'MemoryBytes'):
            self.assertEqual(key in rows['web'], key in classes['web'], key)
        if 'CPUUSec' in classes['web']:
            self.assertGreaterEqual(rows['web']['CPUPercent'], 0)

"""The verbs that ask the service, against one whose answers are known."""
import signal
import threading

import ctl

RULES_TABLE = '''\
#  NAME  RULE                         MATCHES  STATE                             SOURCE
0  mine  uid=7 => web    18446744073709551615  active                            runtime
1  web   type=httpd_t => web                0  inactive: SELinux is not enabled  /etc/pclass/rules.d/10.rules:3
2  off   comm=x => web disabled             0  disabled                          /etc/pclass/rules.d/10.rules:4
3  gone  uid=8 => web                       0  active                            runtime
'''


def squeeze(text):
    """Columns without their padding."""
    return [' '.join(line.split()) for line in text.splitlines()]


class Rules(ctl.BusCase):
    def test_list(self):
        text = self.ok('list-rules')
        self.assertEqual(squeeze(text)[:5], squeeze(RULES_TABLE))
        self.assertEqual(text.splitlines()[-1], '4 rules, tried in this order: the first that matches decides.')
        self.assertEqual(squeeze(self.ok('list-rules', '--no-legend')), squeeze(RULES_TABLE)[1:])

    def test_columns_are_aligned(self):
        lines = self.ok('list-rules').splitlines()
        for word in ('NAME', 'RULE', 'STATE', 'SOURCE'):
            at = lines[0].index(word)
            for line in lines[1:5]:
                self.assertEqual(line[at - 2:at], '  ')
                self.assertNotEqual(line[at], ' ')

    def test_list_json(self):
        rows = self.json('list-rules')
        self.assertEqual(rows[0], {'Name': 'mine', 'Text': 'mine: uid=7 => web', 'Source': '', 'Line': 0, 'Target': 'web', 'Position': 0,
                                   'Enabled': True, 'Active': True, 'Reason': '', 'Matches': 18446744073709551615, 'Path': '/Rules/_9'})
        self.assertEqual([r['Name'] for r in rows], ['mine', 'web', 'off', 'gone'])
        self.assertEqual(len(self.ok('list-rules', '--json=short').splitlines()), 1)
        self.assertGreater(len(self.ok('--json=pretty', 'list-rules').splitlines()), 30)
        self.assertEqual(self.ok('list-rules', '--json', '--json=off'), self.ok('list-rules'))

    def test_list_that_changes_is_read_again(self):
        self.end_service()
        self.start_service(PCLASS_TEST_CHANGING='1')
        self.assertEqual([r['Name'] for r in self.json('list-rules')], ['mine', 'web', 'off', 'gone'])

    def test_replace(self):
        self.assertEqual(self.ok('replace', 'mine', 'mine: uid=8 => web'), '')
        self.assertEqual(self.json('replace', '/Rules/_9', 'mine: uid=9 => web', '--if-generation=5'), {})
        self.assertEqual(self.end_service(), ['replace /Rules/_9', 'by mine: uid=8 => web', 'replace /Rules/_9', 'by mine: uid=9 => web',
                                              'if_generation 5'])

    def test_replace_what_cannot_be(self):
        self.assertIn("no rule 'nothing'", self.fails(ctl.NO_SUCH_OBJECT, 'replace', 'nothing', 'nothing: uid=1 => web'))
        self.assertIn('rule web stands in /etc/pclass/rules.d/10.rules, line 3', self.fails(ctl.FAILED, 'replace', 'web', 'web: uid=1 => web'))
        self.assertIn('column 7', self.fails(ctl.FAILED, 'replace', 'mine', 'mine: hue=1 => web').replace('1:7', 'column 7'))
        for args in ((), ('mine',), ('mine', 'mine: uid=1 => web', 'more'), ('--all=x', 'mine'), ('mine', 'mine: uid=1 => web', '--if-generation=x')):
            self.fails(ctl.USAGE, 'replace', *args)
        self.assertEqual(self.end_service(), [])

    def test_replace_all(self):
        file = self.write('all.rules', 'a: uid=1 => web\nb: uid=2 => web\n')
        self.assertEqual(self.ok('replace', '--all', file), 'Generation 6\n')
        self.assertEqual(self.json('replace', '--all=-', '--if-generation=6', input='c: uid=3 => web\n'), {'Generation': 7})
        self.assertIn('Somebody else changed the rules', self.fails(ctl.FAILED, 'replace', f'--all={file}', '--if-generation=6'))
        wrong = self.write('wrong.rules', 'a: uid=1 => web\n\nb: hue=2 => web\n')
        self.assertIn('wrong.rules:3:4', self.fails(ctl.FAILED, 'replace', f'--all={wrong}'))
        self.assertEqual(self.end_service(), ['all a: uid=1 => web', 'b: uid=2 => web', '', 'all c: uid=3 => web', ''])

    def test_add(self):
        self.assertEqual(self.ok('add-rule', 'new: uid=1 => web'), '/Rules/_17\n')
        self.assertEqual(self.json('add-rule', '--before', 'web', 'x: uid=1 => web'), {'Path': '/Rules/_17'})
        self.ok('add-rule', 'y: uid=1 => web', '--after=off')
        self.ok('add-rule', '--replace', 'z: uid=1 => web')
        self.assertEqual(self.end_service(), ['add new: uid=1 => web', 'add x: uid=1 => web', 'before web', 'add y: uid=1 => web', 'after off',
                                              'add z: uid=1 => web', 'replace true'])

    def test_name_is_taken(self):
        self.assertEqual(self.fails(ctl.FAILED, 'add-rule', 'taken: uid=1 => web'),
                         'pclassctl: The name taken is taken, by /etc/pclass/rules.d/10.rules:3\n'
                         'pclassctl add-rule --replace puts a rule where an added one of the same name stands.\n')

    def test_added_and_not_active(self):
        r = self.run_ctl('add-rule', 'a: uid=1 => nix')
        self.assertEqual((r.returncode, r.stdout, r.stderr),
                         (ctl.OK, '/Rules/_18\n', 'pclassctl: the rule was added and is not active: no such class: nix\n'))

    def test_remove(self):
        self.ok('remove-rule', 'mine')
        self.ok('remove-rule', '/Rules/_9')
        self.assertEqual(self.json('remove-rule', 'mine'), ['/Rules/_9'])
        self.assertEqual(self.end_service(), ['remove /Rules/_9'] * 3)

    def test_remove_what_is_not_there(self):
        self.assertIn("no rule 'nothing'", self.fails(ctl.NO_SUCH_OBJECT, 'remove-rule', 'mine', 'nothing'))
        self.assertIn("no rule '/Rules/_5'", self.fails(ctl.NO_SUCH_OBJECT, 'remove-rule', '/Rules/_5'))
        self.assertIn('There is no rule /Rules/_404', self.fails(ctl.NO_SUCH_OBJECT, 'remove-rule', 'gone'))  # in the list, not there any more
        self.assertEqual(self.end_service(), [])  # a wrong name beside a right one removes nothing

    def test_remove_a_rule_of_a_file(self):
        err = self.fails(ctl.FAILED, 'remove-rule', 'mine', 'web')
        self.assertIn('rule web stands in /etc/pclass/rules.d/10.rules, line 3', err)
        self.assertIn('pclassctl disable-rule web', err)
        self.assertEqual(self.end_service(), [])

    def test_switch(self):
        self.ok('disable-rule', 'mine')
        self.ok('enable-rule', '/Rules/_9')
        self.assertEqual(self.end_service(), ['disable /Rules/_9', 'enable /Rules/_9'])

    def test_reload(self):
        self.assertEqual(self.ok('reload'), '')
        self.assertEqual(self.json('reload'), {})
        self.ok('--no-ask-password', 'reload')
        self.assertEqual(self.end_service(), ['reload may ask', 'reload may ask', 'reload may not ask'])


class Plan(ctl.BusCase):
    def test_table(self):
        lines = squeeze(self.ok('plan'))
        self.assertEqual(lines[0], 'PID PROGRAM USER FROM TO RULE WHY HELD BY')
        self.assertEqual(lines[1], '4711 nginx root cgroup2:/ cgroup2:/pclass/web web comm=nginx -')
        self.assertEqual(lines[2], '12 sshd 4123456789 cgroup2:/s cgroup2:/pclass/ssh ssh comm=sshd unit: ssh.service')
        self.assertEqual(lines[4], '1 processes would move, 1 are held where they are. Nothing was changed.')
        self.assertEqual(self.end_service(), ['plan '])

    def test_candidates(self):
        rules = self.write('a.rules', '# two\nc: uid=2 => web\nd: uid=3 => web')
        rows = self.json('plan', 'a: uid=1 => web', 'b: uid=2 => web', '--rules', rules)
        self.assertEqual([r['PID'] for r in rows], [4711, 12])
        self.assertEqual(rows[1]['HolderDetail'], 'ssh.service')
        self.ok('plan', '--alone', 'a: uid=1 => web')
        self.assertEqual(self.end_service(), ['plan a: uid=1 => web', 'b: uid=2 => web', '# two', 'c: uid=2 => web', 'd: uid=3 => web', '',
                                              'plan a: uid=1 => web', '', 'alone true'])

    def test_candidates_of_the_same_name(self):
        err = self.fails(ctl.FAILED, 'plan', 'a: uid=1 => web', 'a: uid=2 => web')
        self.assertIn('a', err)
        self.assertEqual(self.end_service(), [])


class Classes(ctl.BusCase):
    def test_list(self):
        self.assertEqual(squeeze(self.ok('list-classes')), [
            'CLASS PROCESSES CPU MEMORY HIERARCHIES DESCRIPTION',
            'web 3 1.5s 3.0G cpu,cpuacct cgroup2 Web servers',
            'users/%u - - - - -',
            '', '2 classes.'])

    def test_list_json(self):
        rows = self.json('list-classes')
        self.assertEqual(rows[0]['CPUUSec'], 1500000)
        self.assertEqual(rows[0]['Hierarchies'][1], {'Controllers': 'cgroup2', 'Version': 2, 'Path': '/pclass/web'})
        self.assertNotIn('CPUUSec', rows[1])
        self.assertEqual(rows[1]['Properties'], [])

    def test_show(self):
        self.assertEqual(squeeze(self.ok('show-class', 'web')), [
            'web', 'Description: Web servers', 'Processes: 3', 'CPU: 1.5s', 'Memory: 3.0G', '',
            'HIERARCHY VERSION PATH', 'cpu,cpuacct 1 /pclass/web', 'cgroup2 2 /pclass/web', '',
            'PROPERTY SUPPORTED VALUE', 'CPUWeight yes 400', 'MemoryMax yes 512.0M', 'MemoryHigh no cgroup v1 has no such limit'])
        self.assertEqual(self.json('show-class', 'web')['Properties'][1]['Text'], '536870912')
        self.assertEqual(self.json('show-class', 'users/%u')['IsTemplate'], True)
        self.assertIn("no class 'nothing'", self.fails(ctl.NO_SUCH_OBJECT, 'show-class', 'nothing'))

    def test_processes_page_by_page(self):
        rows = self.json('list-processes', 'web')
        self.assertEqual([r['PID'] for r in rows], list(range(1, 5001)))
        lines = squeeze(self.ok('list-processes', 'web'))
        self.assertEqual(lines[:4], ['PID PROGRAM USER RULE', '1 worker root web', '2 worker root (inherited)', '3 worker root (assigned)'])
        self.assertEqual(lines[-1], '5000 processes.')
        self.assertIn('There is no class nothing', self.fails(ctl.NO_SUCH_OBJECT, 'list-processes', 'nothing'))

    def test_class_that_is_not_there(self):
        """Its object does not exist: said as somebody said it."""
        self.assertEqual(self.fails(ctl.NO_SUCH_OBJECT, 'set-property', 'a/b', 'CPUWeight=1'), 'pclassctl: There is no class a/b\nSee: pclassctl list-classes\n')

    def test_what_to_do_about_a_class_in_use(self):
        self.end_service()
        self.start_service(PCLASS_TEST_DENY='org.pclass.Error.InUse')
        for verb, helps in (('remove-class', True), ('reload', False)):
            r = self.run_ctl(verb, *(['web'] if verb == 'remove-class' else []))
            self.assertEqual(('--drain' in r.stderr, 'add-rule' in r.stderr), (helps, False), r.stderr)


class Explain(ctl.BusCase):
    def test_held(self):
        text = self.ok('explain', '12')
        self.assertEqual(squeeze(text), [
            'Process 12 sshd\\x1b[2J of uid 0',
            'Not in its class: rule ssh (/etc/a.rules:2) wants class ssh, it is in no class.',
            'Held by its unit: ssh.service.',
            'To move it all the same, write leave-unit behind the rule, or LeaveUnit=yes into the class.', '',
            'FACT VALUE', 'uid 0', 'comm sshd\\x1b[2J', 'context unknown: SELinux is not enabled', '',
            'IS IN BELONGS IN HIERARCHIES', '/s /pclass/ssh cgroup2 memory', '/pclass/ssh there cpu', '',
            'EARLIER RULE DID NOT MATCH BECAUSE', 'web (/etc/a.rules:1) comm=nginx: does not hold'])

    def test_no_rule(self):
        self.assertEqual(squeeze(self.ok('explain', '13')), [
            'Process 13', 'No rule matches: it stays where it is, in class web.', '', 'FACT VALUE', '',
            'It came from /system.slice/a and goes back there when no rule matches any more.'])

    def test_settled(self):
        self.assertEqual(squeeze(self.ok('explain', '14')), ['Process 14 of user root', 'In class web by rule web (added at run time), moved 1.2ms after the event.', '',
                                                             'FACT VALUE', 'user root'])
        self.assertEqual(squeeze(self.ok('explain', '15'))[1], 'Rule web (added at run time) says ignore: it is left where it is.')

    def test_no_class_for_it(self):
        self.assertEqual(squeeze(self.ok('explain', '17'))[1:3], ['Not in its class: rule jobs (added at run time) has no class for it, it is in no class.',
                                                                  'Held by an error: jobs/%p does not expand to a legal class name.'])

    def test_in_its_class_somewhere(self):
        self.assertEqual(squeeze(self.ok('explain', '18'))[1],
                         'Not everywhere in its class: rule jobs (added at run time) wants class jobs in more hierarchies than it is in.')

    def test_answer_that_nests_too_deep(self):
        self.assertIn("the service's answer cannot be read", self.fails(ctl.FAILED, 'explain', '16'))

    def test_json(self):
        x = self.json('explain', '12')
        self.assertEqual((x['Holder'], x['Facts'][2], x['Steps'][0]['Condition']),
                         ('unit', {'Name': 'context', 'Reason': 'SELinux is not enabled'}, 'comm=nginx'))

    def test_no_such_process(self):
        self.assertEqual(self.fails(ctl.NO_SUCH_OBJECT, 'explain', '99'), 'pclassctl: There is no process 99\n')


class Status(ctl.BusCase):
    def test_text(self):
        self.assertEqual(squeeze(self.ok('status')), [
            '● pclass 9.9', 'State: degraded: no connector here',
            'Mode: observe (decides everything, moves nothing; see pclassctl plan, pclassctl enforce)',
            'Broker: connected', 'Capabilities: none', 'Features: event-mask pidfd-info', 'Events: 5 lost',
            'Processes: converged: 412 checked, 7 moved, 0 wrong, 3 held (2 passes, 12.3ms), since Tue 2023-11-14 22:13:20 UTC', '',
            'COUNTER VALUE', 'events-exec 1234'])
        self.assertEqual(squeeze(self.ok('status', '--all'))[-2:], ['events-exec 1234', 'events-lost 0'])

    def test_json(self):
        status = self.json('status')
        self.assertEqual((status['Version'], status['Mode'], status['BrokerConnected'], status['EventsLost']), ('9.9', 'observe', True, 5))
        self.assertEqual(status['Counters'], {'events-exec': 1234, 'events-lost': 0})
        self.assertEqual(status['Convergence']['Checked'], 412)

    def test_moves_under_way(self):
        """0 wrong is not said without them, and not of a broker that does not answer that it is there and no more."""
        self.end_service()
        self.start_service(PCLASS_TEST_PENDING='4200000')  # of both
        text = squeeze(self.ok('status'))
        self.assertIn('Broker: connected, but has not answered for 4.2s', text)
        self.assertTrue([line for line in text if line.startswith('Processes: moving: ') and '0 wrong, 3 held, 4200000 moves under way (' in line], text)
        self.assertIn('0 wrong, 3 held, 4200000 moves under way', self.ok('enforce'))

    def test_modes(self):
        self.assertEqual(self.ok('enforce'), 'Mode is enforce: 412 checked, 7 moved, 0 wrong, 3 held\n')
        self.assertEqual(self.json('observe')['Mode'], 'observe')
        self.assertEqual(self.end_service(), ['mode enforce', 'mode observe'])


class Silence(ctl.BusCase):
    def test_service_that_hangs(self):
        """It is waited for, with a word about that after 3 s, and answered as ever when it goes on."""
        self.fake.send_signal(signal.SIGSTOP)
        goes_on = threading.Timer(4, self.fake.send_signal, (signal.SIGCONT,))
        goes_on.start()
        self.addCleanup(goes_on.join)
        r = self.run_ctl('status')
        self.assertEqual((r.returncode, r.stderr), (ctl.OK, 'pclassctl: pclass does not answer yet, waiting for it; journalctl -u pclass may say why\n'))
        self.assertIn('Broker: connected', r.stdout)


class Errors(ctl.BusCase):
    service = False

    def denied(self, error, *args):
        self.start_service(PCLASS_TEST_DENY=error)
        r = self.run_ctl(*args)
        self.assertEqual(self.end_service(), [])
        self.assertEqual(r.stdout, '')
        return r.returncode, r.stderr

    def test_service_is_not_there(self):
        err = self.fails(ctl.NOT_RUNNING, 'status')
        self.assertIn('the pclass service is not running', err)
        self.assertIn(ctl.START, err)

    def test_not_authorised(self):
        for name in ('AccessDenied', 'InteractiveAuthorizationRequired', 'AuthFailed'):
            for args in (('add-rule', 'a: uid=1 => b'), ('remove-rule', 'mine'), ('enforce',), ('reload',)):
                with self.subTest(name=name, args=args):
                    code, err = self.denied('org.freedesktop.DBus.Error.' + name, *args)
                    self.assertEqual(code, ctl.NOT_AUTHORISED)
                    self.assertIn('not authorised: the test says no', err)

    def test_codes(self):
        for name, code in (('org.pclass.Error.InvalidRule', ctl.FAILED), ('org.pclass.Error.NoSuchRule', ctl.NO_SUCH_OBJECT),
                           ('org.pclass.Error.NoSuchClass', ctl.NO_SUCH_OBJECT), ('org.pclass.Error.BrokerUnavailable', ctl.FAILED),
                           ('org.pclass.Error.InUse', ctl.FAILED), ('org.freedesktop.DBus.Error.Failed', ctl.FAILED),
                           ('org.freedesktop.DBus.Error.Spawn.ChildExited', ctl.NOT_RUNNING),
                           ('org.freedesktop.DBus.Error.UnknownObject', ctl.NO_SUCH_OBJECT)):
            with self.subTest(name=name):
                got, err = self.denied(name, 'add-rule', 'a: uid=1 => b')
                self.assertEqual(got, code)
                self.assertIn('the test says no', err)

    def test_a_service_that_does_not_come_up(self):
        """What the bus says when it has waited for one that ends again and again."""
        code, err = self.denied('org.freedesktop.DBus.Error.TimedOut', 'add-rule', 'a: uid=1 => b')
        self.assertEqual(code, ctl.NOT_RUNNING)
        self.assertIn('the pclass service is not running: the test says no', err)
        self.assertIn('service pclass start' if 'service pclass' in ctl.START else 'systemctl status pclass, journalctl -u pclass', err)


class Terminal(ctl.BusCase):
    """What is printed to somebody who looks."""

    def test_colour(self):
        self.assertTrue(self.on_terminal('list-classes').startswith('\033[1mCLASS'))
        self.assertNotIn('\033', self.on_terminal('list-classes', NO_COLOR='1'))
        self.assertIn('\033', self.on_terminal('list-classes', NO_COLOR=''))
        self.assertNotIn('\033', self.on_terminal('list-classes', TERM='dumb'))
        self.assertNotIn('\033', self.ok('list-classes'))

    def test_cut_to_the_width(self):
        lines = self.on_terminal('plan', columns=70, NO_COLOR='1').splitlines()
        self.assertLessEqual(max(len(line) for line in lines[:3]), 70)
        self.assertIn('…', lines[1])
        self.assertNotIn('…', self.on_terminal('plan', '--full', columns=70, NO_COLOR='1'))

    def test_json_is_pretty_there(self):
        self.assertGreater(len(self.on_terminal('list-classes', '--json').splitlines()), 10)

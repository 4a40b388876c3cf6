"""cgrules.conf and cgconfig.conf without any service: test, lint, import. Users and groups are those of a private /etc/passwd and /etc/group."""
import json
import os
import subprocess

import ctl

PASSWD = '''root:x:0:0::/:/bin/sh
peter:x:1000:100::/:/bin/sh
sjo:x:1001:200::/:/bin/sh
cgtest:x:1002:200::/:/bin/sh
kim:x:1003:300::/:/bin/sh
'''
GROUP = '''root:x:0:
users:x:100:
staff:x:200:
admin:x:300:peter
cgroup:x:400:sjo,root,cgtest
'''
FIELDS = ('rule', 'file', 'line', 'targets', 'ignored')


class Case(ctl.Case):
    def setUp(self):
        super().setUp()
        self.passwd = self.write('passwd', PASSWD)
        self.group = self.write('group', GROUP)
        self.nsswitch = self.write('nsswitch.conf', 'passwd: files\ngroup: files\n')

    def run_ctl(self, *args, **how):
        """In a mount namespace of its own, where the files of setUp() lie over those of /etc."""
        script = 'for f in passwd group nsswitch.conf; do mount --bind "$0/$f" "/etc/$f" || exit 99; done; exec "$@"'
        env = {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'DBUS_SYSTEM_BUS_ADDRESS': self.bus}
        for name, value in os.environ.items():
            if name.startswith(('ASAN_', 'UBSAN_', 'LSAN_')):
                env[name] = value
        return subprocess.run(['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, self.dir,
                               ctl.program('client/pclassctl'), *args], env=env, cwd=self.dir, capture_output=True, text=True,
                              timeout=ctl.WAIT, stdin=subprocess.DEVNULL, check=False, **how)

    def judge(self, text, *args, controllers='cpu,memory'):
        path = self.write('cgrules.conf', text)
        answer = self.json('test', '--cgrules', path, '--controllers', controllers, *args)
        self.assertEqual(tuple(answer), FIELDS)
        self.assertEqual(answer['file'], None if answer['rule'] is None else path)
        return answer

    def targets(self, text, *args, **how):
        return self.judge(text, *args, **how)['targets']

    def taken_by(self, text, *args, **how):
        return self.judge(text, *args, **how)['line']


class Users(Case):
    def test_user(self):
        text = 'peter cpu a/\n'
        self.assertEqual(self.judge(text, '--uid', '1000', '--gid', '7'),
                         {'rule': 'cgrules-1', 'file': self.dir + '/cgrules.conf', 'line': 1, 'targets': {'cpu': '/a'}, 'ignored': False})
        self.assertEqual(self.judge(text, '--uid', '1001', '--gid', '7'),
                         {'rule': None, 'file': None, 'line': None, 'targets': {}, 'ignored': False})

    def test_group_is_the_effective_one_or_one_of_the_user(self):
        text = '@admin cpu a\n@users cpu b\n'
        self.assertEqual(self.taken_by(text, '--uid', '1001', '--gid', '300'), 1)
        self.assertEqual(self.taken_by(text, '--uid', '1000', '--gid', '200'), 1)  # a member
        self.assertEqual(self.taken_by(text, '--uid', '1001', '--gid', '200', '--groups', '300'), None)  # only while it runs
        self.assertEqual(self.taken_by('@users cpu b\n', '--uid', '1000', '--gid', '200'), 1)  # the primary one
        self.assertEqual(self.taken_by(text, '--uid', '4711', '--gid', '100'), 2)

    def test_everybody(self):
        self.assertEqual(self.taken_by('* cpu a\n', '--uid', '4711', '--gid', '4711'), 1)

    def test_names_that_nobody_has(self):
        text = 'ghost cpu a\n% memory b\n@ghosts cpu a\n%:x memory b\n1000 cpu a\n* cpu c\n'
        self.assertEqual(self.taken_by(text, '--uid', '1000', '--gid', '100'), 6)

    def test_name_given(self):
        self.assertEqual(self.targets('* cpu users/%u\n', '--uid', '1000', '--user', 'other'), {'cpu': '/users/other'})
        self.assertEqual(self.taken_by('peter cpu a\n', '--user', 'peter'), 1)
        self.assertEqual(self.taken_by('@admin cpu a\n', '--uid', '5', '--gid', '5', '--user', 'peter'), 1)
        self.assertEqual(self.taken_by('@admin cpu a\n', '--uid', '1000', '--gid', '5', '--user', 'nobodyknows'), None)

    def test_rules_of_the_daemons_readme(self):
        text = ('sjo\tcpu\tdefault\ncgtest\tcpu\tcgtest\n%\tmemory\tdefault\n@cgroup\tcpu,memory\tcgtest\nghost\tcpu\ttest1\n'
                '%\tmemory\ttest2\n@root\t*\tdefault\n*\t*\tdefault\n')
        for ids, expected in ((('1001', '7'), {'cpu': '/default'}), (('0', '0'), {'cpu': '/cgtest', 'memory': '/cgtest'}),
                              (('1002', '7'), {'cpu': '/cgtest', 'memory': '/default'}),
                              (('1003', '0'), {'cpu': '/default', 'memory': '/default'}),
                              (('1003', '400'), {'cpu': '/cgtest', 'memory': '/cgtest'}),
                              (('1003', '100'), {'cpu': '/default', 'memory': '/default'})):
            with self.subTest(ids=ids):
                self.assertEqual(self.targets(text, '--uid', ids[0], '--gid', ids[1]), expected)


class Lines(Case):
    def test_ditto(self):
        text = 'peter:cp cpu a\n% memory b\n% pids c\n* * d\n'
        self.assertEqual(self.targets(text, '--uid', '1000', '--comm', 'cp', controllers='cpu,memory,pids,io'),
                         {'cpu': '/a', 'memory': '/b', 'pids': '/c'})
        self.assertEqual(self.targets(text, '--uid', '1000', '--comm', 'mv', controllers='cpu'), {'cpu': '/d'})

    def test_a_later_line_of_the_rule_counts(self):
        self.assertEqual(self.targets('* * a\n% memory b\n', '--uid', '1'), {'cpu': '/a', 'memory': '/b'})
        self.assertEqual(self.targets('* memory a\n% * b\n', '--uid', '1'), {'cpu': '/b', 'memory': '/b'})

    def test_ditto_with_a_program(self):
        text = 'peter cpu a\n%:vi memory b\npeter:vi pids c\n'
        self.assertEqual(self.targets(text, '--uid', '1000', '--comm', 'vi'), {'cpu': '/a', 'memory': '/b'})
        self.assertEqual(self.targets(text, '--uid', '1000', '--comm', 'ls'), {'cpu': '/a'})
        other = 'peter:ls cpu a\n%:vi memory b\n% pids c\n'
        self.assertEqual(self.judge(other, '--uid', '1000', '--comm', 'vi', controllers='cpu,memory,pids')['targets'], {'memory': '/b'})
        self.assertEqual(self.targets(other, '--uid', '1000', '--comm', 'ls', controllers='cpu,memory,pids'), {'cpu': '/a', 'pids': '/c'})

    def test_comments_and_blanks(self):
        text = '# peter cpu x\n\n \t\n  peter\tcpu   a#b\n* cpu b # peter\n'
        self.assertEqual(self.judge(text, '--uid', '1000')['targets'], {'cpu': '/a'})
        self.assertEqual(self.taken_by(text, '--uid', '1'), 5)
        self.assertEqual(self.taken_by('* cpu a\r\n', '--uid', '1'), 1)
        self.assertEqual(self.taken_by('* cpu a', '--uid', '1'), 1)

    def test_controllers(self):
        self.assertEqual(self.targets('* cpu,pids a\n', '--uid', '1'), {'cpu': '/a'})
        self.assertEqual(self.targets('* name=x a\n', '--uid', '1', controllers='name=x,cpu'), {'name=x': '/a'})
        path = self.write('c.conf', '* cpu,pids a\n% * b\n')
        self.assertEqual(self.json('test', '--cgrules', path, '--uid', '1')['targets'], {'cpu': '/b', 'pids': '/b', '*': '/b'})

    def test_several_files(self):
        os.mkdir(self.dir + '/cgrules.d')
        self.write('cgrules.d/20', '* cpu late\n')
        self.write('cgrules.d/10', 'peter cpu early\n')
        self.write('cgrules.d/.hidden', '* cpu hidden\n')
        self.write('cgrules.d/00~', '* cpu backup\n')
        first = self.write('first', 'sjo cpu first\n')
        for uid, rule, path in (('1001', 'cgrules-1', '/first'), ('1000', 'cgrules2-1', '/early'), ('7', 'cgrules3-1', '/late')):
            answer = self.json('test', '--cgrules', first, '--cgrules', 'cgrules.d', '--uid', uid, '--controllers', 'cpu')
            self.assertEqual((answer['rule'], answer['targets']), (rule, {'cpu': path}))

    def test_ditto_does_not_reach_over_files(self):
        a, b = self.write('a', '* cpu a\n'), self.write('b', '% memory b\n')
        self.assertIn('/b:1:1: % repeats', self.fails(ctl.FAILED, 'test', '--cgrules', a, '--cgrules', b))


class Programs(Case):
    def test_names_and_paths(self):
        for program, args, match in (('cp', ('--exe', '/bin/cp'), True), ('cp', ('--comm', 'cp'), True), ('cp', ('--exe', '/bin/cpx'), False),
                                     ('/bin/cp', ('--exe', '/bin/cp'), True), ('/bin/cp', ('--exe', '/usr/bin/cp'), False),
                                     ('/bin/cp', ('--comm', 'cp'), False), ('c*', ('--exe', '/bin/cp'), True),
                                     ('c*', ('--exe', '/cp/x'), False), ('/bin/c*', ('--exe', '/bin/cp'), True),
                                     ('/bin/*', ('--exe', '/bin/a/b'), True), ('*', ('--exe', '/bin/a/b'), True),
                                     ('a-program-with-long-name', ('--exe', '/bin/a-program-with-long-name', '--comm', 'a-program-with-'), True),
                                     ('script.py', ('--exe', '/usr/bin/python3', '--comm', 'script.py'), True),
                                     ('renamed', ('--exe', '/bin/prog', '--comm', 'renamed'), True),
                                     ('prog', ('--exe', '/bin/prog', '--comm', 'renamed'), True),
                                     ('/usr/bin/vi', ('--exe', '/usr/bin/vim.basic', '--comm', 'vi', '--arg0', '/usr/bin/vi'), True),
                                     ('/usr/bin/vi', ('--exe', '/usr/bin/vim.basic', '--comm', 'x', '--arg0', '/usr/bin/vi'), False),
                                     ('"Web Content"', ('--comm', 'Web Content'), True), ('"a#b"', ('--comm', 'a#b'), True),
                                     ('c*p', ('--comm', 'cp'), False), ('c*p', ('--comm', 'c*p'), True), ('cp', (), False)):
            with self.subTest(program=program, args=args):
                self.assertEqual(self.taken_by(f'*:{program} cpu a\n', '--uid', '1', *args), 1 if match else None)

    def test_quotes_around_all(self):
        self.assertEqual(self.taken_by('"*:two words" cpu a\n', '--comm', 'two words'), 1)

    def test_no_program_after_the_colon(self):
        self.assertEqual(self.taken_by('*: cpu a\n', '--uid', '1'), 1)


class Destinations(Case):
    ARGS = ('--uid', '1000', '--gid', '300', '--pid', '42', '--exe', '/usr/bin/prog')

    def goes(self, destination, *args):
        return self.targets(f'* cpu {destination}\n', *(args or self.ARGS)).get('cpu')

    def test_templates(self):
        for destination, path in (('%u/%U', '/peter/1000'), ('/%g.%G/', '/admin.300'), ('x/%p-%P', '/x/prog-42'), ('%x/%%', '/%x/%%'),
                                  (r'\%u', '/%u'), (r'a\\b', r'/a\b'), ('a%', '/a%'), ('//a///b//', '/a/b'), ('/', '/'), ('./a/.', '/a'),
                                  ('"my dir/%u"', '/my dir/peter'), ('a\\', '/a'), ('a..b', '/a..b')):
            with self.subTest(destination=destination):
                self.assertEqual(self.goes(destination), path)

    def test_names_that_nobody_has_are_numbers(self):
        self.assertEqual(self.goes('%u/%g', '--uid', '4711', '--gid', '4712'), '/4711/4712')
        self.assertEqual(self.goes('%p', '--uid', '1', '--pid', '42'), '/42')

    def test_process_name(self):
        self.assertEqual(self.goes('%p', '--comm', 'x', '--exe', '/bin/y'), '/x')
        self.assertEqual(self.goes('%p', '--comm', 'a-program-with-', '--exe', '/bin/a-program-with-long-name'), '/a-program-with-long-name')

    def test_what_a_process_calls_itself_leads_nowhere_else(self):
        for comm in ('../x', '..', '.', 'a/b', 'a\nb', '/'):
            with self.subTest(comm=comm):
                r = self.run_ctl('test', '--cgrules', self.write('x.conf', '* cpu a/%p\n'), '--comm', comm, '--controllers', 'cpu', '--json')
                answer = json.loads(r.stdout)
                self.assertEqual((r.returncode, answer['line'], answer['targets']), (ctl.OK, 1, {}))
                self.assertIn('is not moved', r.stderr)

    def test_unknown_fact(self):
        r = self.run_ctl('test', '--cgrules', self.write('x.conf', '* cpu a\n% memory %P\n'), '--uid', '1', '--controllers', 'cpu', '--json')
        self.assertEqual(json.loads(r.stdout)['targets'], {})  # all or nothing
        self.assertIn('the fact pid is not known', r.stderr)

    def test_classes(self):
        self.write('classes/a.conf', '[Class a]\n[Class users/%u]\n')
        path = self.write('c.conf', '* cpu /a/\n% memory b\n% pids users/%u\n')
        r = self.run_ctl('test', '--cgrules', path, '--classes', 'classes', '--uid', '1000', '--controllers', 'cpu,memory,pids', '--json')
        self.assertEqual(json.loads(r.stdout)['targets'], {'cpu': '/a', 'pids': '/users/peter'})
        self.assertIn('there is no class b', r.stderr)


class Ignore(Case):
    def test_places(self):
        for destination, current, ignored in (('a', 'cpu:/a', True), ('a', 'cpu:/a/b', True), ('a', 'cpu:/ab', True), ('a', 'cpu:/b', False),
                                              ('a', 'cpu:/', False), ('a/', 'cpu:/a', True), ('a/', 'cpu:/a/b', True), ('a/', 'cpu:/ab', False),
                                              ('/', 'cpu:/', True), ('/', 'cpu:/a', False), ('a/b/', 'cpu:/a/b/c', True), ('*', 'cpu:/x', True),
                                              ('/a', 'cpu:/a/', True), ('a', 'memory:/a', False), ('a', 'cpu,memory:/a', True),
                                              ('users/%u/', 'cpu:/users/peter/x', True), ('users/%u/', 'cpu:/users/kim/x', False)):
            with self.subTest(destination=destination, current=current):
                answer = self.judge(f'* cpu {destination} ignore\n* cpu d\n', '--uid', '1000', '--current', current)
                self.assertEqual((answer['ignored'], answer['line'], answer['targets']), (True, 1, {}) if ignored else (False, 2, {'cpu': '/d'}))

    def test_any_of_the_controllers(self):
        text = '* cpu,memory a ignore\n'
        self.assertEqual(self.judge(text, '--current', 'cpu:/b', '--current', 'memory:/a')['ignored'], True)
        self.assertEqual(self.judge(text, '--current', 'cpu:/b', 'memory:/a')['ignored'], True)
        self.assertEqual(self.judge(text, '--current', 'pids:/a')['ignored'], False)
        self.assertEqual(self.judge('* * a ignore\n', '--current', 'pids:/a')['ignored'], True)
        self.assertEqual(self.judge('* * a ignore\n')['ignored'], False)  # unknown
        self.assertEqual(self.judge('* cpu * ignore\n')['ignored'], True)  # everywhere

    def test_user_and_program_must_match_too(self):
        text = 'peter:vi cpu a ignore\n'
        here = ('--current', 'cpu:/a')
        self.assertEqual(self.judge(text, '--uid', '1000', '--comm', 'vi', *here)['ignored'], True)
        self.assertEqual(self.judge(text, '--uid', '1000', '--comm', 'ed', *here)['ignored'], False)
        self.assertEqual(self.judge(text, '--uid', '1001', '--comm', 'vi', *here)['ignored'], False)

    def test_real_time(self):
        text = '* cpu a ignore_rt\n* cpu d\n'
        for sched, line in (('fifo', 1), ('rr', 1), ('other', 2), (None, 2)):
            with self.subTest(sched=sched):
                self.assertEqual(self.taken_by(text, '--current', 'cpu:/a', *(('--sched', sched) if sched else ())), line)
        self.assertEqual(self.taken_by(text, '--current', 'cpu:/b', '--sched', 'rr'), 2)
        self.assertEqual(self.taken_by('* cpu a ignore_rt,ignore\n', '--current', 'cpu:/a'), 1)

    def test_lines_that_continue_a_rule_with_ignore_go_with_it(self):
        self.assertEqual(self.taken_by('* cpu a ignore\n% memory b\n* cpu d\n', '--current', 'cpu:/x'), 3)

    def test_ignore_further_down_moves_nothing(self):
        self.assertEqual(self.targets('* cpu a\n% memory b ignore\n', '--current', 'memory:/b'), {'cpu': '/a'})


class Lint(Case):
    def test_json(self):
        path = self.write('c.conf', '# x\npeter:cp cpu,memory a/%u\n%\tpids b # y\nghost cpu c\n% memory d\n@admin * "e f" ignore,ignore_rt\n'
                          '%:"x y" cpu g ignore_rt\n')
        found = self.json('lint', '--cgrules', path)
        self.assertEqual(tuple(found), ('rules', 'skipped_lines', 'errors', 'warnings'))
        rule = lambda *values: dict(zip(('line', 'user', 'program', 'controllers', 'destination', 'options'), values))  # noqa: E731
        self.assertEqual(found['rules'], [rule(2, 'peter', 'cp', ['cpu', 'memory'], 'a/%u', []), rule(3, 'peter', 'cp', ['pids'], 'b', []),
                                          rule(6, '@admin', None, ['*'], 'e f', ['ignore', 'ignore_rt']),
                                          rule(7, '@admin', 'x y', ['cpu'], 'g', ['ignore_rt'])])
        self.assertEqual(found['skipped_lines'], [4, 5])
        self.assertEqual(found['errors'], [])
        self.assertEqual([(w['line'], w['column'], w['message']) for w in found['warnings']],
                         [(4, 1, 'no such user: ghost; the line is skipped'), (5, 1, 'no such user: ghost; the line is skipped')])

    def errors(self, text):
        r = self.run_ctl('lint', '--cgrules', self.write('c.conf', text), '--json')
        found = json.loads(r.stdout)
        self.assertEqual(r.returncode, ctl.FAILED if found['errors'] else ctl.OK)
        for e in found['errors']:
            self.assertEqual(tuple(e), ('line', 'column', 'message'))
        return [(e['line'], e['column']) for e in found['errors']]

    def test_errors(self):
        for text, places in (('* cpu', [(1, 6)]), ('*', [(1, 2)]), ('% cpu a\n', [(1, 1)]), ('\n\n  * cpu a wrong\n', [(3, 11)]),
                             ('* cpu a ignore,wrong\n', [(1, 16)]), ('* cpu a ignore x\n', [(1, 16)]), ('* cpu ../a\n', [(1, 7)]),
                             ('* cpu a/../b\n', [(1, 7)]), ('* , a\n', [(1, 3)]), ('@ cpu a\n', [(1, 1)]), (':x cpu a\n', [(1, 1)]),
                             ('* cpu "a\n', [(1, 7)]), ('* cpu ""\n', [(1, 7)]), ('* cpu a\x01\n', [(1, 8)]), ('* cpu a\n%x cpu b\n', [(2, 2)]),
                             ('* cpu\n% cpu b\n* memory\n', [(1, 6), (3, 9)]), ('* cpu ' + 'x' * 9000, [(1, 8193)]),
                             ('* cpu ' + 'x' * 5000, [(1, 7)]), ('* cpu x\n* cpu a/' + 'x' * 256 + '/b\n', [(2, 7)]), ('* cpu ' + 'x' * 255, [])):
            with self.subTest(text=text):
                self.assertEqual(self.errors(text), places)

    def test_text(self):
        r = self.run_ctl('lint', '--cgrules', self.write('c.conf', '* cpu\nghost cpu a\n'))
        self.assertEqual(r.returncode, ctl.FAILED)
        self.assertIn('/c.conf:1:6: error: expected a destination', r.stdout)
        self.assertIn('/c.conf:2:1: warning: no such user: ghost', r.stdout)
        self.assertTrue(r.stdout.endswith('0 rules, 1 errors, 1 warnings.\n'), r.stdout)

    def test_lines_that_are_never_reached(self):
        path = self.write('c.conf', '* cpu a ignore\n* cpu b\n% memory c\npeter cpu d\n')
        self.assertEqual([w['line'] for w in self.json('lint', '--cgrules', path)['warnings']], [4])

    def test_missing_file(self):
        r = self.run_ctl('lint', '--cgrules', '/nonexistent', '--json')
        self.assertEqual((r.returncode, [e['line'] for e in json.loads(r.stdout)['errors']]), (ctl.FAILED, [0]))

    def test_rules_option(self):
        rules = self.write('a.rules', 'a: uid=5 => web\n')
        self.assertEqual(self.ok('lint', '--rules', rules), self.ok('lint', rules))
        self.assertEqual(self.json('lint', '--rules', rules), {
            'rules': [{'file': rules, 'line': 1, 'name': 'a', 'text': 'a: uid=5 => web', 'target': 'web', 'active': True}],
            'skipped_lines': [], 'errors': [], 'warnings': []})
        bad = self.write('b.rules', 'a: uid=x => web\nb: user=ghost => web\n')
        r = self.run_ctl('lint', '--rules', bad, '--json')
        found = json.loads(r.stdout)
        self.assertEqual((r.returncode, found['skipped_lines']), (ctl.FAILED, [2]))
        self.assertEqual([(e['line'], e['column']) for e in found['errors']], [(1, 8)])
        self.assertEqual([w['line'] for w in found['warnings']], [2])
        self.assertIn('exclude', self.fails(ctl.USAGE, 'lint', '--rules', rules, '--cgrules', rules))


class Import(Case):
    def test_cgrules(self):
        path = self.write('c.conf', '# x\npeter:cp cpu,cpuset a/%u\n% memory /b/\n@admin:/bin/x* * c\n*:s* cpu d\n* cpu e/ ignore\n* cpu f ignore_rt\n'
                          '* cpu /\n* cpu %u/x\n* * d\n% cpu e\nghost:"a b" cpu g\n')
        text = self.ok('import', 'cgrules', path)
        self.assertEqual([line for line in text.splitlines() if not line.startswith('#')],
                         ['cgrules-2: user=peter comm=cp => cpu,cpuset:a/%u memory:b', 'cgrules-2-2: user=peter exe=*/cp => cpu,cpuset:a/%u memory:b',
                          'cgrules-4: group=admin exe=/bin/x* => c', 'cgrules-4-2: member=admin exe=/bin/x* => c', 'cgrules-5: comm=s* => cpu:d',
                          'cgrules-5-2: exe~".*/s[^/]*" => cpu:d', 'cgrules-6: cgroup=/e|/e/* => ignore',
                          'cgrules-12: user=ghost comm="a b" => cpu:g', 'cgrules-12-2: user=ghost exe="*/a b" => cpu:g'])
        for reason in ('# cgrules-7: ignore_rt', '# cgrules-8: line 8, destination "/": the root', '# cgrules-9: line 9, destination "%u/x": this is no',
                       '# cgrules-10: one place for some'):
            self.assertIn(reason, text)
        self.assertEqual(self.run_ctl('lint', self.write('c.rules', text)).returncode, ctl.OK)

    def test_roots_for_the_file_as_it_is(self):
        text = self.ok('import', 'cgrules', self.write('c.conf', 'peter cpu students/%u\n% memory copying/\n* cpu copying/x\n* * stay/ ignore\n'))
        self.assertEqual([line.split()[1] for line in text.splitlines() if 'AllowedRoots' in line], ['AllowedRoots=/copying', 'AllowedRoots=/students'])
        # They are what the service reads: as they stand, in one file.
        conf = self.write('pclass.conf', '[pclass]\n' + ''.join(line.lstrip('# ') + '\n' for line in text.splitlines() if 'AllowedRoots=' in line))
        self.assertEqual(self.run_ctl('lint', conf).returncode, ctl.OK)

    def test_imported_rules_decide_alike(self):
        path = self.write('c.conf', 'peter:cp cpu a/%u\n% memory b\n@admin cpu c\nsjo:/bin/x* cpu d\n* cpu e\n')
        rules = self.write('c.rules', self.ok('import', 'cgrules', path))
        for args in (('--uid', '1000', '--comm', 'cp'), ('--uid', '1000', '--comm', 'x'), ('--uid', '7', '--gid', '300'),
                     ('--uid', '1001', '--exe', '/bin/xy', '--comm', 'xy'), ('--uid', '1001', '--exe', '/bin/y', '--comm', 'y')):
            with self.subTest(args=args):
                own = self.json('test', '--cgrules', path, '--controllers', 'cpu,memory', *args)['targets']
                theirs = self.json('test', '--rules', rules, '--controllers', 'cpu,memory', *args)['targets']
                self.assertEqual(own, theirs)

    def test_cgconfig(self):
        path = self.write('g.conf', '# x\nmount { cpu = /mnt; "name=n" = "/my mnt"; }\ndefault { perm { task { uid = root; fperm = 770 } } }\n'
                          'group web/a { perm { admin { gid = adm; } } cpu { cpu.shares = "2048"; cpu.rt_runtime_us = 1; } memory {\n'
                          'memory.limit_in_bytes = 512m; } }\ntemplate users/%u { cpu {} pids { pids.max = max; } }\ngroup . { cpu {} }\n'
                          'group web/a { cpuset { cpuset.cpus = 0-1; } }\ngroup "odd name" { cpu {} }\n')
        text = self.ok('import', 'cgconfig', path)
        self.assertEqual([line for line in text.splitlines() if line and not line.startswith('#')],
                         ['[Class web/a]', 'Hierarchies=cpu memory cpuset', 'CPUWeight=200', 'MemoryMax=512M', 'AllowedCPUs=0-1',
                          '[Class users/%u]', 'Hierarchies=cpu pids', 'TasksMax=infinity'])
        for reason in ('perm: who may', 'cpu.rt_runtime_us = "1": no property', 'group "." (line 7)', 'group "odd name"', '#   name=n = /my mnt'):
            self.assertIn(reason, text)
        self.assertEqual(self.run_ctl('lint', self.write('g2.conf', text)).returncode, ctl.OK)

    def test_namespaces(self):
        text = self.ok('import', 'cgconfig', self.write('g.conf', 'namespace { cpu = top; memory = top; pids = other; }\ngroup a { cpu {} memory {} }\n'
                                                        'group b { cpu {} pids {} }\n'))
        self.assertIn('[Class top/a]', text)
        path = self.write('g2.conf', 'namespace { cpu = top; memory = top; pids = other; }\n'
                          'group b { cpu { cpu.shares = 512; } pids { pids.max = 5; } io {} }\ngroup b { memory { memory.max = 4096; } }\n')
        lines = [line for line in self.ok('import', 'cgconfig', path).splitlines() if line and not line.startswith('#')]
        self.assertEqual(lines, ['[Class top/b]', 'Hierarchies=cpu memory', 'CPUWeight=50', 'MemoryMax=4096',
                                 '[Class other/b]', 'Hierarchies=pids', 'TasksMax=5', '[Class b]', 'Hierarchies=io'])

    def test_devices_and_freezing(self):
        path = self.write('g.conf', 'group a {\n blkio {\n blkio.throttle.read_bps_device = "8:0 1000";\n blkio.throttle.write_iops_device = "8:16 x";\n'
                          ' blkio.throttle.write_bps_device = "sda 5";\n}\n freezer { freezer.state = FROZEN; }\n}\n')
        text = self.ok('import', 'cgconfig', path)
        self.assertEqual([line for line in text.splitlines() if line and not line.startswith('#')],
                         ['[Class a]', 'Hierarchies=blkio freezer', 'IOReadBandwidthMax=/dev/block/8:0 1000', 'Freeze=yes'])
        self.assertIn('# line 4: blkio.throttle.write_iops_device = "8:16 x": as IOWriteIOPSMax=', text)
        self.assertIn('# line 5: blkio.throttle.write_bps_device = "sda 5": no property', text)

    def test_mistakes(self):
        for text, place in (('group {\n', '1:7'), ('group a {\n cpu { x 1; }\n}\n', '2:10'), ('nonsense\n', '1:1'), ('group a { cpu { x = "y\n', '1:21'),
                            ('mount { a = b c = d; }', '1:15'), ('group a {', '1:10')):
            with self.subTest(text=text):
                self.assertIn(f'g.conf:{place}: ', self.fails(ctl.FAILED, 'import', 'cgconfig', self.write('g.conf', text)))
        self.assertIn('c.conf:1:6: ', self.fails(ctl.FAILED, 'import', 'cgrules', self.write('c.conf', '* cpu\n')))
        self.assertIn('expected cgrules or cgconfig', self.fails(ctl.USAGE, 'import', 'x', 'y'))
        self.assertIn('needs cgrules|cgconfig FILE', self.fails(ctl.USAGE, 'import', 'cgrules'))


class Arguments(Case):
    def test_all_at_once(self):
        """A full call as scripts make it, of either kind of rules, with the classes that there are."""
        os.mkdir(self.dir + '/classes')
        self.write('classes/a.conf', '[Class a]\n[Class b]\n')
        facts = ('--classes', self.dir + '/classes', '--uid', '1000', '--gid', '100', '--groups', '200,300', '--user', 'peter', '--exe', '/bin/cp',
                 '--comm', 'cp', '--arg0', '/bin/cp', '--context', 'system_u:system_r:x_t:s0', '--pid', '5', '--current', 'cpu:/x',
                 '--current', 'memory:/y', '--controllers', 'cpu,memory,pids', '--sched', 'fifo')
        path = self.write('c.conf', '* cpu z ignore_rt\npeter:cp cpu a\n% memory b/\n')
        self.assertEqual(self.json('test', '--cgrules', path, *facts),
                         {'rule': 'cgrules-2', 'file': path, 'line': 2, 'targets': {'cpu': '/a', 'memory': '/b'}, 'ignored': False})
        path = self.write('r.rules', 'mine: user=peter comm=cp => cpu:a memory:b\n')
        answer = self.json('test', '--rules', path, *facts)
        self.assertEqual(tuple(answer), ('rule', 'file', 'line', 'class', 'targets', 'ignored'))
        self.assertEqual(answer, {'rule': 'mine', 'file': path, 'line': 1, 'class': 'a', 'targets': {'cpu': '/a', 'memory': '/b'}, 'ignored': False})

    def test_mistakes(self):
        path = self.write('c.conf', '* cpu a\n')
        for args, message in ((('--cgrules', path, '--rules', path), 'exclude each other'), (('--cgrules', path, '--facts', path), 'for --rules only'),
                              (('--cgrules', path, '--sched', 'idle'), 'expected fifo, rr or other'),
                              (('--cgrules', path, '--current', 'cpu'), 'expected CONTROLLER:/PATH'),
                              (('--cgrules', path, '--current', 'cpu:a'), 'expected CONTROLLER:/PATH'),
                              (('--cgrules', path, '--current', ':/a'), 'expected CONTROLLER:/PATH'),
                              (('--cgrules', path, 'cpu:/a'), 'one argument too many'), (('--cgrules', path, '--user', ''), 'needs a name')):
            with self.subTest(args=args):
                self.assertIn(message, self.fails(ctl.USAGE, 'test', *args))

    def test_errors_of_the_file(self):
        self.assertIn('c.conf:1:6: expected a destination', self.fails(ctl.FAILED, 'test', '--cgrules', self.write('c.conf', '* cpu\n'), '--uid', '1'))
        self.assertIn('/nonexistent: cannot be read', self.fails(ctl.FAILED, 'test', '--cgrules', '/nonexistent', '--uid', '1'))

    def test_text(self):
        path = self.write('c.conf', '* cpu a\n')
        self.assertEqual(self.ok('test', '--cgrules', path, '--uid', '1'), f'    Rule: cgrules-1 ({path}:1)\n  Target: /a in cpu\n')
        self.assertEqual(self.ok('test', '--cgrules', self.write('d.conf', ''), '--uid', '1'), 'No rule matches.\n')

"""What pclassctl does without any service: test, lint, help, mistakes."""
import json
import os
import re
import select
import subprocess
import time

import ctl

RULES = '''\
# name: conditions => target
web:     type=httpd_t|nginx_t                      => web              leave-unit
tenant:  context=system_u:system_r:container_t:*   => tenants/%l
build:   user=root exe=/usr/bin/gcc|/usr/bin/cc*   => batch
legacy:  uid=1000-1999                             => cpu,cpuacct:default memory:cgtest
home:    group=root                                => users/%u
admins:  member=root                               => admins
leave:   cgroup=/system.slice/docker-*             => ignore
off:     comm=sleepy                               => web disabled
'''
NOTHING = {'rule': None, 'file': None, 'line': None, 'class': None, 'targets': {}, 'ignored': False}


class Test(ctl.Case):
    def setUp(self):
        super().setUp()
        self.rules = self.write('a.rules', RULES)

    def judge(self, *args, rules=None):
        return self.json('test', '--rules', rules or self.rules, *args)

    def won(self, rule, line, class_name, targets, ignored=False, file=None):
        return {'rule': rule, 'file': file or self.rules, 'line': line, 'class': class_name, 'targets': targets, 'ignored': ignored}

    def test_context(self):
        self.assertEqual(self.judge('--context', 'system_u:system_r:nginx_t:s0'), self.won('web', 2, 'web', {'*': '/web'}))

    def test_specifier_of_the_context(self):
        self.assertEqual(self.judge('--context', 'system_u:system_r:container_t:s0'),
                         self.won('tenant', 3, 'tenants/s0', {'*': '/tenants/s0'}))

    def test_controllers_of_the_rule(self):
        self.assertEqual(self.judge('--uid', '1500'),
                         self.won('legacy', 5, 'default', {'cpu': '/default', 'cpuacct': '/default', 'memory': '/cgtest'}))

    def test_controllers_asked_for(self):
        self.assertEqual(self.judge('--uid', '1500', '--controllers', 'io,memory,cpu'),
                         self.won('legacy', 5, 'default', {'memory': '/cgtest', 'cpu': '/default'}))
        self.assertEqual(self.judge('--context', 'u:r:httpd_t:s0', '--controllers', 'cpu,pids'),
                         self.won('web', 2, 'web', {'cpu': '/web', 'pids': '/web'}))

    def test_paths_below_a_class_root(self):
        root = '/pclass.slice/pclass-classes.scope/classes'
        for option in (root, root + '/'):
            self.assertEqual(self.judge('--uid', '1500', '--class-root', option)['targets'],
                             {'cpu': f'{root}/default', 'cpuacct': f'{root}/default', 'memory': f'{root}/cgtest'})
        self.assertEqual(self.judge('--uid', '1500', '--class-root', '/')['targets']['cpu'], '/default')
        r = self.run_ctl('test', '--rules', self.rules, '--class-root', 'pclass')
        self.assertEqual((r.returncode, r.stdout), (ctl.USAGE, ''))
        self.assertIn('absolute path', r.stderr)

    def test_names_follow_from_ids(self):
        self.assertEqual(self.judge('--uid', '0', '--exe', '/usr/bin/cc1'), self.won('build', 4, 'batch', {'*': '/batch'}))
        self.assertEqual(self.judge('--uid', '0', '--gid', '0'), self.won('home', 6, 'users/root', {'*': '/users/root'}))
        self.assertEqual(self.judge('--uid', '0'), self.won('admins', 7, 'admins', {'*': '/admins'}))

    def test_globs_over_group_names(self):
        rules = self.write('g.rules', 'a: group=roo? => teams/%g\nb: group=@ro*t uid=1 => b\n')
        self.assertEqual(self.judge('--gid', '0', rules=rules)['class'], 'teams/root')
        self.assertEqual(self.judge('--uid', '1', '--gid', '4123456789', '--groups', '0', rules=rules)['rule'], 'b')
        self.assertEqual(self.judge('--uid', '1', '--gid', '4123456789', '--groups', '1', rules=rules)['rule'], None)

    def test_ignore(self):
        self.assertEqual(self.judge('--cgroup', '/system.slice/docker-1'), self.won('leave', 8, None, {}, ignored=True))

    def test_nothing_matches(self):
        self.assertEqual(self.judge('--comm', 'x'), NOTHING)
        self.assertEqual(self.judge('--comm', 'sleepy'), NOTHING)  # disabled

    def test_unknown_fact_matches_neither_way(self):
        rules = self.write('n.rules', 'a: !comm=x => web\n')
        self.assertEqual(self.judge('--uid', '5', rules=rules), NOTHING)
        self.assertEqual(self.judge('--comm', 'y', rules=rules)['rule'], 'a')

    def test_fact_missing_for_the_name(self):
        rules = self.write('m.rules', 'a: comm=x => users/%U\n')
        r = self.run_ctl('test', '--rules', rules, '--comm', 'x', '--json')
        self.assertEqual(r.returncode, ctl.OK)
        self.assertEqual(json.loads(r.stdout), self.won('a', 1, None, {}, file=rules))
        self.assertIn('the fact uid is not known', r.stderr)

    def test_order_of_files(self):
        first = self.write('1.rules', 'one: comm=x => a\n')
        second = self.write('2.rules', '\ntwo: comm=x => b\n')
        self.assertEqual(self.json('test', '--rules', first, '--rules', second, '--comm', 'x'), self.won('one', 1, 'a', {'*': '/a'}, file=first))
        self.assertEqual(self.json('test', '--rules', second, '--rules', first, '--comm', 'x'), self.won('two', 2, 'b', {'*': '/b'}, file=second))

    def test_directory_of_rules(self):
        self.write('d/20.rules', 'two: comm=x => b\n')
        self.write('d/10.rules', 'one: comm=x => a\n')
        self.write('d/00.txt', 'not a rule\n')
        answer = self.json('test', '--rules', os.path.join(self.dir, 'd'), '--comm', 'x')
        self.assertEqual(answer, self.won('one', 1, 'a', {'*': '/a'}, file=os.path.join(self.dir, 'd/10.rules')))

    def test_classes(self):
        classes = os.path.dirname(self.write('classes/a.conf', '[Class batch]\n[Class users/%u]\n'))
        self.assertEqual(self.judge('--classes', classes, '--context', 'u:r:httpd_t:s0'), NOTHING)  # there is no class web
        self.assertEqual(self.judge('--classes', classes, '--uid', '0', '--gid', '0')['class'], 'users/root')
        self.assertEqual(self.judge('--classes', classes, '--uid', '0', '--exe', '/usr/bin/gcc')['class'], 'batch')

    def test_readable_answer(self):
        self.assertEqual(self.ok('test', '--rules', self.rules, '--uid', '1500'),
                         f'    Rule: legacy ({self.rules}:5)\n'
                         '          legacy: uid=1000-1999 => cpu,cpuacct:default memory:cgtest\n'
                         '   Class: default\n'
                         '  Target: /default in cpu\n'
                         '  Target: /default in cpuacct\n'
                         '  Target: /cgtest in memory\n')
        self.assertEqual(self.ok('test', '--rules', self.rules), 'No rule matches.\n')
        self.assertIn('the process is ignored', self.ok('test', '--rules', self.rules, '--cgroup', '/system.slice/docker-1'))

    def test_inactive_rules_are_named(self):
        rules = self.write('u.rules', 'a: user=nobody-has-this-name => web\n')
        r = self.run_ctl('test', '--rules', rules, '--uid', '0')
        self.assertEqual((r.returncode, r.stdout), (ctl.OK, 'No rule matches.\n'))
        self.assertIn(f'Rule a ({rules}:1) is not active:', r.stderr)
        self.assertIn('nobody-has-this-name', r.stderr)

    # ---- lines of facts
    def lines(self, text, *args, rules=None):
        out = self.ok('test', '--rules', rules or self.rules, '--facts', '-', *args, input=text)
        return [json.loads(line) for line in out.splitlines()]

    def test_lines(self):
        answers = self.lines('{"uid":1500}\n{}\n\n{"context":"u:r:httpd_t:s0","groups":[1,2]}\n{"cgroup":"/system.slice/docker-9"}')
        self.assertEqual(answers, [
            self.won('legacy', 5, 'default', {'cpu': '/default', 'cpuacct': '/default', 'memory': '/cgtest'}),
            NOTHING,
            self.won('web', 2, 'web', {'*': '/web'}),
            self.won('leave', 8, None, {}, ignored=True)])

    def test_facts_of_one_line_do_not_reach_the_next(self):
        rules = self.write('f.rules', 'a: uid=1 comm=x => a\n')
        self.assertEqual([a['rule'] for a in self.lines('{"uid":1,"comm":"x"}\n{"uid":1}\n{"comm":"x"}\n', rules=rules)], ['a', None, None])

    def test_lines_of_a_file(self):
        facts = self.write('f.json', '{"uid":1500}\n')
        self.assertEqual(json.loads(self.ok('test', '--rules', self.rules, '--facts', facts))['rule'], 'legacy')

    def test_wrong_line(self):
        for line, message in (('{"uidd":1}', "unknown key 'uidd'"), ('{"uid":"1"}', 'uid: expected a number'), ('[]', 'expected a JSON object'),
                              ('{"uid":', 'not JSON'), ('{"comm":"' + 'x' * 70000 + '"}', 'the line is too long')):
            with self.subTest(line=line[:20]):
                r = self.run_ctl('test', '--rules', self.rules, '--facts', '-', input='{"uid":1500}\n' + line + '\n{}\n')
                self.assertEqual(r.returncode, ctl.FAILED)
                self.assertEqual([json.loads(a)['rule'] for a in r.stdout.splitlines()], ['legacy'])
                self.assertTrue(r.stderr.startswith('pclassctl: standard input:2:'), r.stderr)
                self.assertIn(message, r.stderr)

    def test_answers_come_line_by_line(self):
        p = subprocess.Popen([ctl.program('client/pclassctl'), 'test', '--rules', self.rules, '--facts', '-'], text=True, bufsize=1,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with p:
            for line, rule in (('{"uid":1500}', 'legacy'), ('{}', None)):
                p.stdin.write(line + '\n')
                ready, _, _ = select.select([p.stdout], [], [], ctl.WAIT)
                if not ready:
                    p.stdin.close()
                    self.fail('the answer waits for more lines')
                self.assertEqual(json.loads(p.stdout.readline())['rule'], rule)
            p.stdin.close()
        self.assertEqual(p.returncode, 0)

    def test_many_lines_are_fast(self):
        facts = self.write('many.json', ''.join('{"uid":%d,"gid":0,"comm":"p%d"}\n' % (i % 5000, i) for i in range(100000)))
        began = time.monotonic()
        out = self.ok('test', '--rules', self.rules, '--facts', facts)
        self.assertLess(time.monotonic() - began, 20)
        answers = out.splitlines()
        self.assertEqual(len(answers), 100000)
        self.assertEqual(json.loads(answers[1500])['rule'], 'legacy')
        self.assertEqual(json.loads(answers[2500])['rule'], 'home')

    # ---- mistakes
    def test_wrong_rules(self):
        rules = self.write('bad.rules', 'a: comm=x => a\nb: colour=red => b\n')
        err = self.fails(ctl.FAILED, 'test', '--rules', rules, '--uid', '0')
        self.assertIn(f'{rules}:2:4: ', err)
        self.assertIn('colour', err)

    def test_rules_of_the_same_name(self):
        rules = self.write('twice.rules', 'a: comm=x => a\na: comm=y => b\n')
        err = self.fails(ctl.FAILED, 'test', '--rules', rules, '--uid', '0')
        self.assertIn(f'{rules}:2:', err)

    def test_missing_files(self):
        self.assertIn('/nonexistent.rules: cannot be read: No such file', self.fails(ctl.FAILED, 'test', '--rules', '/nonexistent.rules'))
        self.assertIn('/nonexistent', self.fails(ctl.FAILED, 'test', '--rules', self.rules, '--classes', '/nonexistent'))
        self.assertIn('not a directory', self.fails(ctl.FAILED, 'test', '--rules', self.rules, '--classes', self.rules))
        self.assertIn('/nonexistent', self.fails(ctl.FAILED, 'test', '--rules', self.rules, '--facts', '/nonexistent'))

    def test_wrong_arguments(self):
        for args, message in (((), 'needs --rules'),
                              (('--rules', self.rules, '--uid', 'root'), "'root' is not a number"),
                              (('--rules', self.rules, '--uid', '-1'), 'not a number'),
                              (('--rules', self.rules, '--uid', '4294967295'), 'not a number'),
                              (('--rules', self.rules, '--pid', '0'), 'not a number'),
                              (('--rules', self.rules, '--groups', '1,x'), "'x' is not a group number"),
                              (('--rules', self.rules, '--uid', '1', '--uid', '2'), 'once only'),
                              (('--rules', self.rules, '--facts', '-', '--uid', '2'), 'exclude each other'),
                              (('--rules', self.rules, '--controllers', ''), 'at least one'),
                              (('--rules', self.rules, '--users', 'root'), "unrecognized option '--users'"),
                              (('--rules', self.rules, 'extra'), "one argument too many: 'extra'"),
                              (('--rules', self.rules, '--json=yes'), 'expected short, pretty or off'),
                              (('--rules',), 'requires an argument')):
            with self.subTest(args=args):
                self.assertIn(message, self.fails(ctl.USAGE, 'test', *args))


class Lint(ctl.Case):
    def test_good_file(self):
        rules = self.write('a.rules', 'a: uid=5 => web\nb: user=root comm=x => web\n')
        self.assertEqual(self.ok('lint', rules), '0 errors, 0 warnings.\n')

    def test_every_error_with_its_place(self):
        rules = self.write('a.rules', 'a: uid=5 => web\nb: colour=red => web\nc comm=x => web\nd: uid=5-x => web\n')
        r = self.run_ctl('lint', rules)
        self.assertEqual((r.returncode, r.stderr), (ctl.FAILED, ''))
        lines = r.stdout.splitlines()
        self.assertEqual(lines[-1], '3 errors, 0 warnings.')
        self.assertTrue(lines[0].startswith(f'{rules}:2:4: error: unknown key "colour"'), lines[0])
        self.assertEqual(lines[1:3], ['    b: colour=red => web', '       ^'])
        self.assertTrue(lines[3].startswith(f'{rules}:3:'), lines[3])
        self.assertTrue(lines[6].startswith(f'{rules}:4:'), lines[6])

    def warnings(self, text, *args):
        path = self.write('w.rules', text)
        found = self.json('lint', path, *args)
        self.assertEqual({f['level'] for f in found} - {'warning'}, set())
        self.assertEqual({f['file'] for f in found} - {path}, set())
        return [(f['line'], f['message']) for f in found]

    def test_same_conditions(self):
        found = self.warnings('a: uid=5 gid=6 => web\nb: gid=6 uid=5 => other\nc: uid=5 => web\n')
        self.assertEqual(found, [(2, f'rule b never wins: rule a ({self.dir}/w.rules:1) before it has the same conditions')])

    def test_disabled_rule_hides_nothing(self):
        self.assertEqual(self.warnings('a: uid=5 => web disabled\nb: uid=5 => other\n'), [])

    def test_rules_behind_one_that_takes_all(self):
        found = self.warnings('a: uid=5 => web\nb: uid>=0 => web\nc: uid=6 => web\nd: uid=7 => web\n')
        self.assertEqual(found, [(n, f'rule {r} never wins: rule b ({self.dir}/w.rules:2) before it takes every process') for n, r in ((3, 'c'), (4, 'd'))])

    def test_what_is_no_file(self):
        for name in ('dir', 'pipe', 'link'):
            path = f'{self.dir}/c/{name}.conf'
            os.makedirs(path if name == 'dir' else f'{self.dir}/c', exist_ok=True)
            if name == 'pipe':
                os.mkfifo(path)
            elif name == 'link':
                os.symlink('/nonexistent/x.conf', path)
        found = self.json('lint', '--classes', f'{self.dir}/c', self.write('a.rules', 'a: uid=5 => ignore\n'))
        self.assertEqual(sorted((f['level'], f['file']) for f in found), [('warning', f'{self.dir}/c/{n}.conf') for n in ('dir', 'link', 'pipe')])
        self.assertIn('is left out', found[0]['message'])

    def test_caret_counts_characters(self):
        r = self.run_ctl('lint', self.write('a.rules', 'a: comm=größe bad=x => web\n'))
        self.assertIn('\n    a: comm=größe bad=x => web\n                  ^\n', r.stdout)

    def test_forged(self):
        found = self.warnings('a: comm=x => web\nb: arg0=x comm=y => web\nc: comm=z uid=5 => web\nd: comm=q => ignore\n')
        self.assertEqual([line for line, _ in found], [1, 2, 4])
        self.assertIn('any program can call itself', found[0][1])
        self.assertIn('escapes the rules behind it', found[2][1])

    def test_forged_beside_what_binds_nobody(self):
        loose = ['!exe=/y', 'uid>=0', 'gid<=4294967295', 'uid=5|0-4294967295', 'exe=*', 'cgroup=/*', '!user=root uid>=0']
        found = self.warnings(''.join(f'r{i}: comm=x {c} => web{i}\n' for i, c in enumerate(loose)))
        self.assertEqual([line for line, _ in found], list(range(1, len(loose) + 1)))
        bound = ['uid>=1', 'uid=0-5', 'exe=/y*', 'exe~"y=*"', 'cgroup=/y/*', '!exe=/y user=root']
        self.assertEqual(self.warnings(''.join(f'r{i}: comm=x {c} => web{i}\n' for i, c in enumerate(bound))), [])
        self.assertEqual(self.warnings('a: !exe=/y => web\nb: uid>=0 => web\n'), [])

    def test_forged_with_every_key_alone(self):
        """Every rule whose only keys can be forged is named, and no other."""
        keys = {'comm': 'x', 'arg0': 'x', 'script': '/x', 'loginuid': '5', 'exe': '/x', 'uid': '5', 'gid': '5', 'ruid': '5', 'session': '5', 'user': 'root',
                'group': 'root', 'member': 'root', 'cgroup': '/x', 'unit': 'x', 'parent-class': 'x'}
        alone = ''.join(f'{k}: {k}={v} => web\n' for k, v in keys.items())
        found = self.warnings(alone + 'n: !comm=x script~"y" => web\nm: loginuid=7 comm=x => web\nboth: comm=y uid=6 => web\n')
        self.assertEqual([line for line, _ in found], [1, 2, 3, 4, len(keys) + 1, len(keys) + 2])
        self.assertIn('that nobody logged in for', found[3][1])
        self.assertIn('(loginuid, comm, arg0, script)', found[5][1])

    def test_real_time_processes_that_a_rule_leaves_alone(self):
        rules = self.write('rt.rules', 'rt: uid=5 => web ignore-rt\nall: uid=6 => web\n')
        for uid, sched, ignored in ((5, 'fifo', True), (5, 'rr', True), (5, 'other', False), (6, 'fifo', False)):
            with self.subTest(uid=uid, sched=sched):
                out = json.loads(self.run_ctl('test', '--rules', rules, '--uid', str(uid), '--sched', sched, '--json').stdout)
                self.assertEqual((out['ignored'], out['class']), (ignored, None if ignored else 'web'))

    def test_unknown_names(self):
        found = self.warnings('a: user=nobody-has-this-name => web\nb: group=nor-this => web\nc: member=nor-this => web\nd: user=root => web\n')
        self.assertEqual([line for line, _ in found], [1, 2, 3])
        self.assertIn('is not active', found[0][1])
        self.assertIn('nobody-has-this-name', found[0][1])

    def test_classes_that_do_not_exist(self):
        classes = os.path.dirname(self.write('classes/a.conf', '[Class web]\n'))
        found = self.warnings('a: uid=5 => web\nb: uid=6 => wbe\n', '--classes', classes)
        self.assertEqual([line for line, _ in found], [2])
        self.assertIn('wbe', found[0][1])

    def test_names_across_files(self):
        first, second = self.write('1.rules', 'a: uid=5 => web\n'), self.write('2.rules', '\na: uid=6 => web\n')
        r = self.run_ctl('lint', '--json', first, second)
        found = json.loads(r.stdout)
        self.assertEqual((r.returncode, [(f['level'], f['file'], f['line']) for f in found]), (ctl.FAILED, [('error', second, 2)]))

    def test_class_file(self):
        good = self.write('good.conf', '[Class web]\nCPUWeight=400\n')
        self.assertEqual(self.ok('lint', good), '0 errors, 0 warnings.\n')
        bad = self.write('bad.conf', '[Class web]\nCPUWeight=lots\n')
        r = self.run_ctl('lint', bad)
        self.assertEqual(r.returncode, ctl.FAILED)
        self.assertTrue(r.stdout.startswith(f'{bad}:2:'), r.stdout)
        self.assertIn('    CPUWeight=lots\n              ^\n', r.stdout)

    def test_configuration(self):
        good = self.write('pclass.conf', '[pclass]\nMode=enforce\n')
        self.assertEqual(self.ok('lint', good), '0 errors, 0 warnings.\n')
        bad = self.write('bad/pclass.conf', '[pclass]\nMode=sometimes\n')
        r = self.run_ctl('lint', bad)
        self.assertEqual(r.returncode, ctl.FAILED)
        self.assertTrue(r.stdout.startswith(f'{bad}:2:'), r.stdout)

    def test_unreadable(self):
        r = self.run_ctl('lint', '/nonexistent.rules')
        self.assertEqual(r.returncode, ctl.FAILED)
        self.assertIn('/nonexistent.rules: error: cannot be read: No such file or directory', r.stdout)
        self.assertEqual(self.run_ctl('lint', self.dir).returncode, ctl.FAILED)
        self.assertIn('NUL', self.run_ctl('lint', self.write('nul.rules', 'a: uid=5 => \0web\n')).stdout)
        self.assertIn('NUL', self.run_ctl('lint', self.write('nul.conf', '[Class a]\nDescription=\0\n')).stdout)

    def test_hostile_text(self):
        rules = self.write('a.rules', 'a: uid=5 \033[2Jx => web\n')
        r = self.run_ctl('lint', rules)
        self.assertEqual(r.returncode, ctl.FAILED)
        self.assertNotIn('\033', r.stdout)

    def test_long_line(self):
        rules = self.write('a.rules', 'a: comm=' + '|'.join(['abc'] * 200) + ' bad==x => web\n')
        r = self.run_ctl('lint', rules)
        lines = r.stdout.splitlines()
        self.assertEqual(r.returncode, ctl.FAILED)
        self.assertLess(len(lines[1]), 120)
        self.assertEqual(lines[1][lines[2].index('^'):][:4], 'bad=')

    def test_needs_a_file(self):
        self.assertIn('lint needs FILE', self.fails(ctl.USAGE, 'lint'))


class Program(ctl.Case):
    def test_help(self):
        text = self.ok('--help')
        for verb in ('list-classes', 'list-rules', 'add-rule', 'remove-rule', 'plan', 'enforce', 'observe', 'status', 'explain', 'test',
                     'lint', 'reload'):
            self.assertIn(f'\n  {verb} ', text)
            self.assertTrue(self.ok(verb, '--help').startswith(f'pclassctl {verb} '))
        self.assertEqual(self.ok('help'), text)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        for heading in ('Class', 'Rule', 'Process', 'Service'):
            self.assertIn(f'\n\n{heading} Commands:\n', text)
        commands = text.split('Options:')[0]  # what a command does begins in one column, below the command where that is long
        self.assertEqual(len(re.findall(r'^(?: {28}|  (?=[a-z]).{24}  )[A-Z]', commands, re.M)), len(re.findall(r'^  [a-z]', commands, re.M)))

    def test_version(self):
        self.assertRegex(self.ok('--version'), r'^pclass \d+\.\d+\.\d+\n$')
        self.assertRegex(self.ok('status', '--version'), r'^pclass ')

    def test_wrong_usage(self):
        for args, message in ((('fly',), "no command 'fly'\n"), (('staus',), "no command 'staus', did you mean 'status'?"), (('--fly',), 'unrecognized option'),
                              (('--host=', 'status'), 'expected the name of a machine'), (('-H', 'far', 'lint', 'a.rules'), 'lint asks no service'),
                              (('status', '--fly'), 'unrecognized option'), (('status', 'x'), "one argument too many: 'x'"),
                              (('explain',), 'explain needs PID'), (('explain', 'x'), "'x' is not a process number"),
                              (('explain', '0'), 'not a process number'), (('explain', '99999999999'), 'not a process number'),
                              (('explain', '--', '-5'), 'not a process number'),
                              (('add-rule',), 'add-rule needs RULE'), (('remove-rule',), 'remove-rule needs'),
                              (('add-rule', '--before=a', '--after=b', 'x: uid=1 => y'), 'only one of'),
                              (('plan', '--alone'), 'needs candidate rules'),
                              (('--json=loud', 'status'), 'expected short, pretty or off')):
            with self.subTest(args=args):
                err = self.fails(ctl.USAGE, *args)
                self.assertIn(message, err)
                self.assertIn('--help', err)

    def test_no_bus(self):
        for args in ((), ('status',), ('list-rules',), ('list-classes',), ('show-class', 'a'), ('list-processes', 'a'), ('plan',), ('enforce',),
                     ('observe',), ('explain', '1'), ('reload',), ('add-rule', 'a: uid=1 => b'), ('remove-rule', 'a'), ('disable-rule', 'a'),
                     ('enable-rule', 'a')):
            with self.subTest(args=args):
                err = self.fails(ctl.NOT_RUNNING, *args)
                self.assertIn(ctl.NO_BUS, err)
                self.assertIn(ctl.START, err)

    def test_syntax_is_told_before_anybody_is_asked(self):
        err = self.fails(ctl.FAILED, 'add-rule', 'a: colour=red => b')
        self.assertIn('column 4: unknown key "colour"', err)
        self.assertIn('    a: colour=red => b\n       ^\n', err)
        rules = self.write('a.rules', 'a: uid=1 => b\nb: colour=red => b\n')
        err = self.fails(ctl.FAILED, 'plan', '--rules', rules)
        self.assertIn(f'{rules}:2:4: ', err)

    def test_answer_that_cannot_be_written(self):
        with open('/dev/full', 'w', encoding='utf-8') as full:
            r = subprocess.run([ctl.program('client/pclassctl'), '--help'], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(r.returncode, ctl.FAILED)
        self.assertIn('No space left', r.stderr)

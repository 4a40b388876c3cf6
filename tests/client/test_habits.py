"""Habits of systemd's tools: the pager, another machine."""
import json
import os

import ctl

MARK = "sed 's/^/PAGED /'"


class Pager(ctl.BusCase):
    def paged(self, *args, **env):
        return self.on_terminal(*args, columns=200, **env)

    def test_long_output_of_every_kind(self):
        for args in (('--help',), ('plan', '--help'), ('list-rules',), ('list-classes',), ('list-processes', 'web'), ('show-class', 'web'), ('plan',), ('status',), ('explain', '12')):
            with self.subTest(args=args):
                text = self.paged(*args, PCLASS_PAGER=MARK)
                self.assertTrue(all(line.startswith('PAGED ') for line in text.splitlines()), text)
                self.assertIn(self.paged(*args).splitlines()[0], text)

    def test_who_is_asked(self):
        self.assertTrue(self.paged('list-rules', PCLASS_PAGER=MARK, PAGER='false').startswith('PAGED'))
        self.assertTrue(self.paged('list-rules', PCLASS_PAGER=None, PAGER=MARK).startswith('PAGED'))
        self.assertNotIn('PAGED', self.paged('list-rules', PCLASS_PAGER='', PAGER=MARK))

    def test_who_is_not(self):
        for name, args, env in (('option', ('--no-pager', 'list-rules'), {'PCLASS_PAGER': MARK}), ('json', ('list-rules', '--json=short'), {'PCLASS_PAGER': MARK}),
                                ('change', ('add-rule', 'a: uid=1 => web'), {'PCLASS_PAGER': MARK}), ('cat', ('list-rules',), {'PCLASS_PAGER': 'cat'}),
                                ('dumb', ('list-rules',), {'PCLASS_PAGER': MARK, 'TERM': 'dumb'})):
            with self.subTest(name):
                self.assertNotIn('PAGED', self.paged(*args, **env))
        self.assertNotIn('PAGED', self.ok('list-rules'))

    def test_less_is_told_how(self):
        text = self.paged('list-rules', PCLASS_PAGER='env; cat >/dev/null')
        self.assertIn('LESS=FRSXMK', text.splitlines())
        self.assertIn('LESSCHARSET=utf-8', text.splitlines())
        self.assertNotIn('LESSSECURE', text)
        self.assertIn('LESSSECURE=1', self.paged('list-rules', PCLASS_PAGER='env; cat >/dev/null', SUDO_UID='1000'))
        self.assertIn('LESS=FX', self.paged('list-rules', PCLASS_PAGER='env; cat >/dev/null', PCLASS_LESS='FX'))

    def test_reader_who_leaves(self):
        """5000 rows do not fit into a pipe."""
        text = self.paged('list-processes', 'web', PCLASS_PAGER='head -n 1')
        self.assertEqual(len(text.splitlines()), 1)

    def test_pager_that_is_not_there(self):
        self.assertIn('not found', self.paged('list-rules', PCLASS_PAGER='/nonexistent/pager 2>&1'))

    def test_errors_come_without(self):
        self.assertEqual(self.paged('show-class', 'nix', code=ctl.NO_SUCH_OBJECT, PCLASS_PAGER=MARK), '')


class Quiet(ctl.BusCase):
    def test_changes_say_nothing(self):
        for args in (('add-rule', 'a: uid=1 => web'), ('enforce',), ('observe',), ('reload',), ('reload', '--json'), ('enable-rule', 'mine', '--json')):
            with self.subTest(args=args):
                self.assertEqual(self.ok('--quiet', *args), '')
                self.assertEqual(self.ok(*args, '-q'), '')
        self.assertNotEqual(self.ok('add-rule', 'a: uid=1 => web'), '')
        self.assertNotEqual(self.ok('enforce'), '')

    def test_errors_are_said(self):
        self.assertIn("no class 'nix'", self.fails(ctl.NO_SUCH_OBJECT, '-q', 'show-class', 'nix'))


class Host(ctl.BusCase):
    """ssh is one that goes nowhere: it tells how it was called and runs the far end here."""

    def setUp(self):
        super().setUp()
        self.far, self.bus = self.bus, ctl.NO_BUS
        self.write('bin/ssh', f'#!/bin/sh\necho "$*" >>{self.dir}/calls\nexec systemd-stdio-bridge -p {self.far}\n')
        os.chmod(f'{self.dir}/bin/ssh', 0o755)
        path = os.environ['PATH']
        os.environ['PATH'] = f'{self.dir}/bin:{path}'
        self.addCleanup(os.environ.__setitem__, 'PATH', path)

    def calls(self):
        with open(f'{self.dir}/calls', encoding='utf-8') as f:
            return f.read()

    def test_every_verb_goes_there(self):
        self.fails(ctl.NOT_RUNNING, 'list-rules')
        self.assertEqual([r['Name'] for r in self.json('-H', 'joe@far', 'list-rules')], ['mine', 'web', 'off', 'gone'])
        self.assertIn('joe', self.calls())
        self.assertIn('far', self.calls())
        self.assertIn('systemd-stdio-bridge', self.calls())
        self.ok('add-rule', '--host=far', 'a: uid=1 => web')
        self.assertEqual(self.end_service(), ['add a: uid=1 => web'])

    def test_doctor_looks_at_no_file_of_ours(self):
        """Far away there is only what the service says; here the machine's own files may add to it."""
        r = self.run_ctl('-H', 'far', 'doctor')
        self.assertEqual((r.returncode, r.stderr), (ctl.FAILED, ''))
        self.assertEqual(r.stdout, 'note    service: it observes\n        → pclassctl enforce\n'
                         'problem class web, MemoryHigh: it has no effect\n        → take it out\n\n1 problems, 1 notes.\n')
        rows = json.loads(self.run_ctl('-H', 'far', 'doctor', '--json').stdout)
        self.assertEqual([row['Id'] for row in rows], ['observe', 'property'])
        self.end_service()
        self.bus, far = self.far, self.bus
        self.start_service(PCLASS_TEST_HEALTHY='1')
        self.bus = far
        self.assertIn('0 problems, 1 notes', self.ok('-H', 'far', 'doctor'))

    def test_its_users_are_not_ours(self):
        line = self.ok('--host=far', 'plan').splitlines()[1]
        self.assertNotIn('root', line)
        self.assertIn(' 0 ', line)

    def test_far_end_that_is_not_there(self):
        self.write('bin/ssh', '#!/bin/sh\necho "ssh: connect to host far port 22: Connection refused" >&2\nexit 255\n')
        r = self.run_ctl('-H', 'far', 'list-rules')
        self.assertEqual((r.returncode, r.stdout), (ctl.NOT_RUNNING, ''))
        self.assertIn('Connection refused', r.stderr)
        self.assertIn('pclassctl: the connection to far has ended', r.stderr)
        self.assertIn('systemd-stdio-bridge', r.stderr)

    def test_nobody_is_asked_for_a_password(self):
        """What helps is another user there, not a terminal here."""
        self.end_service()
        self.bus, far = self.far, self.bus
        self.start_service(PCLASS_TEST_DENY='org.freedesktop.DBus.Error.InteractiveAuthorizationRequired')
        self.bus = far
        err = self.fails(ctl.NOT_AUTHORISED, '-H', 'far', 'add-rule', 'a: uid=1 => web')
        self.assertIn('-H root@', err)
        self.assertNotIn('terminal', err)

    def test_service_is_not_there(self):
        self.end_service()
        self.assertIn('not running', self.fails(ctl.NOT_RUNNING, '-H', 'far', 'status'))

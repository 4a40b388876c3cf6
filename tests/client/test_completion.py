"""Completion in bash and in zsh, with a service that has rules and classes."""
import os
import pty
import re
import select
import subprocess
import time

import ctl

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(os.path.dirname(os.path.dirname(HERE)), 'client', 'completion')


class CompletionCase(ctl.BusCase):
    def setUp(self):
        super().setUp()
        os.mkdir(f'{self.dir}/bin')
        os.symlink(ctl.program('client/pclassctl'), f'{self.dir}/bin/pclassctl')
        self.env = {'PATH': f'{self.dir}/bin:{os.environ["PATH"]}', 'LC_ALL': 'C.UTF-8', 'DBUS_SYSTEM_BUS_ADDRESS': self.bus, 'HOME': self.dir, 'TERM': 'xterm'}


class Offered(CompletionCase):
    """What bash's function offers."""

    def complete(self, line):
        script = (f'source {FOLDER}/pclassctl; COMP_LINE=$1; COMP_POINT=${{#1}}; _pclassctl; printf "%s\\n" "${{COMPREPLY[@]}}"')
        r = subprocess.run(['bash', '-c', script, 'bash', f'pclassctl {line}'], env=self.env, cwd=self.dir, capture_output=True, text=True,
                           timeout=ctl.WAIT, check=False)
        self.assertEqual((r.returncode, r.stderr), (0, ''))
        return sorted(r.stdout.split())

    def test_every_verb_of_the_program(self):
        verbs = set(re.findall(r'^  ([a-z][a-z-]*)', self.ok('--help'), re.M))
        self.assertEqual(set(self.complete('')), verbs)

    def test_every_option_of_every_verb(self):
        for verb in self.complete(''):
            said = re.sub(r'(?m)^See.*', '', self.ok(verb, '--help'))
            options = set(re.findall(r'--[a-z][a-z0-9-]*', said))
            with self.subTest(verb):
                self.assertEqual({o for o in self.complete(f'{verb} -') if o.startswith('--')}, options)

    def test_every_property(self):
        with open(os.path.join(os.path.dirname(os.path.dirname(FOLDER)), 'docs/man/pclass.classes.5'), encoding='utf-8') as f:
            documented = set(re.findall(r'[A-Z][A-Za-z]+', ' '.join(re.findall(r'^\.It .*', f.read(), re.M))))
        offered = {name.rstrip('=') for name in self.complete('set-property web ')}
        self.assertGreater(len(offered), 15)
        self.assertLessEqual(offered, documented)
        with open(f'{FOLDER}/_pclassctl', encoding='utf-8') as f:
            properties = re.search(r'properties=\(([^)]*)\)', f.read())[1].split()
        self.assertEqual(set(properties), offered)

    def test_classes_and_rules(self):
        self.assertEqual(self.complete('show-class '), ['users/%u', 'web'])
        self.assertEqual(self.complete('freeze '), ['web'])  # nothing can be done with a template
        self.assertEqual(self.complete('disable-rule '), ['gone', 'mine', 'off', 'web'])
        self.assertEqual(self.complete('remove-rule '), ['gone', 'mine'])  # those of files stay
        self.assertEqual(self.complete('show-class web '), [])

    def test_behind_options(self):
        for line in ('assign --pin ', 'assign --for 5min ', 'assign --for=5min ', '-H far pin --tree ', '--host=far run ', 'run --class '):
            with self.subTest(line):
                self.assertEqual(self.complete(line), ['web'])
        self.assertEqual(self.complete('status show-class '), [])

    def test_the_program_of_run_has_its_own_options(self):
        self.assertIn('--keep-unit', self.complete('run -'))
        self.assertIn('--keep-unit', self.complete('run --class=web -'))
        self.assertEqual(self.complete('run web ls --f'), [])

    def test_colon(self):
        """Where bash cuts words, only what stands behind it is replaced."""
        self.end_service()
        self.start_service(PCLASS_TEST_CLASS='users/s0:c1')
        self.assertEqual(self.complete('freeze users/s0:'), ['c1'])
        self.assertEqual(self.complete('freeze u'), ['users/s0:c1'])

    def test_without_the_service(self):
        self.end_service()
        self.assertEqual(self.complete('show-class '), [])


class Shell(CompletionCase):
    """A real shell on a terminal, where somebody types and presses the tabulator."""
    command, setup, typed_behind = None, None, '^Z'

    def setUp(self):
        super().setUp()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(self.dir)
            os.execvpe(self.command[0], self.command, self.env)
        self.addCleanup(self.end_shell)
        self.seen = ''
        self.type(f"PS1='READY> '; {self.setup}; echo set''up\n")
        self.wait_for(r'\n\r?setup\r?\n')
        self.wait_for('READY> ')

    def end_shell(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, pattern):
        deadline = time.monotonic() + ctl.WAIT
        while True:
            plain = re.sub(r'\x1b(\[[0-9;?]*[a-zA-Z]|[=>])|\x08|\x0f|\x07', '', self.seen)
            found = re.search(pattern, plain)
            if found:
                self.seen = plain[found.end():]
                return found
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                self.fail(f'the terminal does not show {pattern!r} but {plain!r}')
            self.seen += os.read(self.fd, 65536).decode(errors='replace')

    def completed(self, cases):
        """What stands there when the tabulator was pressed once behind each; more is typed behind it, to see that it ends there."""
        for typed, wanted in cases:
            self.type(f'pclassctl {typed}\t')
            self.wait_for(re.escape(f'pclassctl {wanted}'))
            self.type('Z')
            self.wait_for(self.typed_behind)
            self.type('\x15')  # control-U: the line goes


    def check(self):
        """What both shells do."""
        other = subprocess.Popen(['sleep', 'infinity'], start_new_session=True)  # not of the shell's terminal
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        self.write('rules.d/a.rules', '')
        os.mkdir(f'{self.dir}/web')  # a class is no directory, even where there is one of its name
        self.completed((
            ('mon', 'monitor '),
            ('show-class w', 'show-class web '),
            ('show-class us', 'show-class users/%u '),
            ('--no-pager show-class --full w', '--no-pager show-class --full web '),
            ('remove-rule m', 'remove-rule mine '),
            (f'explain {other.pid}', f'explain {other.pid} '),
            ('add-rule --before o', 'add-rule --before off '),
            ('add-rule --before=o', 'add-rule --before=off '),
            ('top --it', 'top --iterations '),
            ('top --order=m', 'top --order=memory '),
            ('status --json=s', 'status --json=short '),
            ('lint rules.d/', 'lint rules.d/a.rules '),
            ('lint --rules=rules.d/', 'lint --rules=rules.d/a.rules '),
            ('lint rul', 'lint rules.d/'),
            ('set-property web TasksM', 'set-property web TasksMax='),
            ('set-property web CPUWeight=3 TasksM', 'set-property web CPUWeight=3 TasksMax='),
            ('run --class=w', 'run --class=web '),
            ('run web -- cat rules.d/', 'run web -- cat rules.d/a.rules '),
            ('run --class=web printen', 'run --class=web printenv '),
        ))


class Bash(Shell):
    command = ('bash', '--norc', '--noprofile', '-i')
    setup = f"bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; source {FOLDER}/pclassctl"

    def test_typing(self):
        self.check()

    def test_list(self):
        """Whole names, though they look like paths."""
        self.type('pclassctl show-class \t\t')
        self.wait_for(r'users/%u +web')


class Zsh(Shell):
    command = ('zsh', '-f', '-i')
    setup = (f"fpath=({FOLDER} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt auto_menu; setopt list_ambiguous; "
             "zstyle ':completion:*' list-grouped false")
    typed_behind = '^[ /=]?Z'  # it draws the last character again

    def test_typing(self):
        self.check()

    def test_list(self):
        self.type('pclassctl disable-rule \t\t')
        self.wait_for(r'gone[^>]*mine[^>]*off[^>]*web')

    def test_every_verb_is_described(self):
        verbs = re.findall(r'^  ([a-z][a-z-]*)', self.ok('--help'), re.M)
        script = (f'fpath=({FOLDER} $fpath); _describe() {{ print -l -- "${{(@)${{(P)4}}}}"; }}; functions[load]="$(<{FOLDER}/_pclassctl)"; '
                  'words=(pclassctl ""); CURRENT=2; load')
        r = subprocess.run(['zsh', '-f', '-c', script], env=self.env, capture_output=True, text=True, timeout=ctl.WAIT, check=False)
        self.assertEqual([line.split(':')[0] for line in r.stdout.splitlines()], verbs, r.stderr)
        self.assertTrue(all(re.search(r':[A-Z]', line) for line in r.stdout.splitlines()), r.stdout)

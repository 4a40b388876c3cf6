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


class Bash(CompletionCase):
    def complete(self, *words):
        """What is offered for the last word."""
        script = (f'source {FOLDER}/pclassctl; complete -p pclassctl >&2; COMP_WORDS=(pclassctl "$@"); COMP_CWORD=$#; _pclassctl; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        r = subprocess.run(['bash', '-c', script, 'bash', *words], env=self.env, cwd=self.dir, capture_output=True, text=True, timeout=ctl.WAIT, check=False)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn('-F _pclassctl pclassctl', r.stderr)
        return sorted(r.stdout.split())

    def test_verbs(self):
        self.assertEqual(self.complete('list-'), ['list-assignments', 'list-classes', 'list-processes', 'list-rules'])
        self.assertLessEqual({'top', 'monitor', 'doctor', 'replace', 'status'}, set(self.complete('')))

    def test_every_verb_of_the_program(self):
        verbs = set(re.findall(r'^  ([a-z][a-z-]*)', self.ok('--help'), re.M))
        self.assertEqual(set(self.complete('')), verbs)

    def test_classes_and_rules(self):
        self.assertEqual(self.complete('show-class', 'w'), ['web'])
        self.assertEqual(self.complete('list-processes', ''), ['users/%u', 'web'])
        self.assertEqual(self.complete('disable-rule', ''), ['gone', 'mine', 'off', 'web'])
        self.assertEqual(self.complete('remove-rule', ''), ['gone', 'mine'])  # those of files stay
        self.assertEqual(self.complete('add-rule', '--before', 'o'), ['off'])
        self.assertEqual(self.complete('replace', 'm'), ['mine'])

    def test_options(self):
        self.assertEqual(self.complete('top', '--it'), ['--iterations'])
        self.assertEqual(self.complete('list-rules', '--no-p'), ['--no-pager'])
        self.assertEqual(self.complete('top', '--order', 'm'), ['memory'])

    def test_without_the_service(self):
        self.end_service()
        self.assertEqual(self.complete('show-class', ''), [])


class Zsh(CompletionCase):
    """A real zsh on a terminal, where somebody types and presses the tabulator."""

    def setUp(self):
        super().setUp()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(self.dir)
            os.execvpe('zsh', ['zsh', '-f', '-i'], self.env)
        self.addCleanup(self.end_shell)
        self.seen = ''
        self.type(f"PS1='READY> '; fpath=({FOLDER} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt auto_menu; setopt list_ambiguous; "
                  "zstyle ':completion:*' list-grouped false; echo set''up\n")
        self.wait_for(r'\nsetup\r?\n')
        self.wait_for('READY> ')

    def end_shell(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, pattern):
        deadline = time.monotonic() + ctl.WAIT
        while True:
            plain = re.sub(r'\x1b(\[[0-9;?]*[a-zA-Z]|[=>])|\x08|\x0f', '', self.seen)
            found = re.search(pattern, plain)
            if found:
                self.seen = plain[found.end():]
                return found
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                self.fail(f'the terminal does not show {pattern!r} but {plain!r}')
            self.seen += os.read(self.fd, 65536).decode(errors='replace')

    def test_a_class(self):
        self.type('pclassctl show-class w\t')
        self.wait_for('show-class web')

    def test_a_verb(self):
        self.type('pclassctl mon\t')
        self.wait_for('pclassctl monitor')

    def test_rules_that_can_be_removed(self):
        self.type('pclassctl remove-rule m\t')
        self.wait_for('remove-rule mine')

    def test_rules_of_files_too(self):
        self.type('pclassctl disable-rule \t\t')
        self.wait_for(r'gone[^>]*mine[^>]*off[^>]*web')

    def test_options(self):
        self.type('pclassctl top --it\t')
        self.wait_for('top --iterations')

    def test_behind_an_option(self):
        self.type('pclassctl --no-pager show-class --full w\t')
        self.wait_for('--full web')

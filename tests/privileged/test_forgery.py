"""What a process can make itself look like, and what it cannot: docs/SECURITY-MODEL.md says which keys are worth what."""
import os

from case import BIN, Case, program
from test_exe import LIBC, PR_SET_DUMPABLE, copy


class Claims(Case):
    """Taken as they are made."""
    CLASSES = '[Class comm]\n[Class arg0]\n[Class script]\n[Class login]\n[Class strict]\n'

    def setUp(self):
        self.RULES = f'''
strict: comm=ptvip|ptcomm arg0=/claimed/* exe={BIN}/real-vip {{home}} => strict
comm:   comm=ptcomm {{home}} => comm
arg0:   arg0=/claimed/program {{home}} => arg0
script: script=say {{home}} => script
login:  loginuid=61219 {{home}} => login
'''
        super().setUp()

    def test_name(self):
        a = self.as_user(61261, 'wait', 'comm', 'ptcomm')
        self.assert_home(a.pid)
        a.go()
        self.await_class(a.pid, 'comm')

    def test_first_word_of_the_command_line(self):
        a = self.as_user(61261, argv0='/claimed/program', path=program('ptnone'))
        self.await_class(a.pid, 'arg0')

    def test_script(self):
        """A program that was started as if it were the interpreter of one."""
        a = self.as_user(61261, 'pid', argv0='/bin/sh', path=program('pid'))
        self.assertEqual(a.number('pid'), a.pid)
        self.assert_home(a.pid)
        b = self.as_user(61261, 'say', 'hello', argv0='/bin/sh', path=program('say'))
        self.assertEqual(b.line(), 'hello')
        self.await_class(b.pid, 'script')

    def test_login_of_a_process_that_nobody_logged_in_for(self):
        def become():
            os.setgid(61261)
            os.setuid(61261)
            LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # a change of uid took /proc/self away
            with open('/proc/self/loginuid', 'w', encoding='ascii') as f:
                f.write('61219')

        self.await_class(self.spawn(before=become).pid, 'login')

    def test_a_key_that_cannot_be_forged_stands_against_all_of_them(self):
        real = self.as_user(61261, 'comm', 'ptvip', argv0='/claimed/x', path=copy('real-vip'))
        forger = self.as_user(61261, 'comm', 'ptvip', 'say', 'done', argv0='/claimed/x', path=copy('other-vip'))
        self.await_class(real.pid, 'strict')
        self.assertEqual(forger.line(), 'done')
        self.assert_home(forger.pid)

"""exe rules: the reader, what it believes, and that it starts when the first such rule comes."""
import ctypes
import os
import shutil

from case import ACTOR, BIN, Case, program
from machine import place, wait_for

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PR_SET_DUMPABLE = 4
LIBC = ctypes.CDLL(None, use_errno=True)


def copy(name):
    """The actor as a file of its own: exe shows the file, not the link."""
    path = f'{BIN}/{name}'
    if not os.path.exists(path):
        shutil.copy(ACTOR, path)
    return path


def call(r, what):
    if r != 0:
        raise OSError(ctypes.get_errno(), what)


def private_namespaces_with(source, target):
    """For preexec_fn of an unprivileged process: own user and mount namespace, in which source is seen at target."""
    uid, gid = os.getuid(), os.getgid()
    call(LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 'prctl')  # a change of uid took /proc/self away
    call(LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNS), 'unshare')
    for name, text in (('setgroups', 'deny'), ('uid_map', f'{uid} {uid} 1'), ('gid_map', f'{gid} {gid} 1')):
        with open(f'/proc/self/{name}', 'w', encoding='utf-8') as f:
            f.write(text)
    call(LIBC.mount(b'none', b'/', None, MS_REC | MS_PRIVATE, None), 'mount private')
    call(LIBC.mount(source.encode(), target.encode(), None, MS_BIND, None), 'bind')


class Exe(Case):
    CLASSES = '[Class a]\n[Class b]\n'

    def rules(self):
        return f'exe: exe={BIN}/real-* {{home}} => a\n'

    def setUp(self):
        self.RULES = self.rules()
        super().setUp()

    def test_path_of_the_program(self):
        yes, no = self.spawn(path=copy('real-one')), self.spawn(path=copy('other-one'))
        self.await_class(yes.pid, 'a')
        self.assert_home(no.pid)

    def test_link_does_not_count(self):
        """A symbolic link with the right name to a wrong program proves nothing."""
        a = self.spawn(path=program('real-link'))
        self.assert_home(a.pid)

    def test_script_is_its_interpreter(self):
        path = f'{self.service.dir}/real-script'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f'#!{copy("real-interpreter")} wait\n')
        os.chmod(path, 0o755)
        a = self.spawn(path=path)
        self.await_class(a.pid, 'a')

    def test_upgraded_program_keeps_its_class(self):
        path = copy('real-upgraded')
        a = self.spawn(path=path)
        self.await_class(a.pid, 'a')
        os.unlink(path)
        self.service.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0)
        self.fence()
        self.assertTrue(self.in_class(a.pid, 'a'), self.where(a.pid))

    def test_forged_path_is_not_believed(self):
        """Anybody can show any path in a user and mount namespace of his own."""
        wanted, forger = copy('real-wanted'), copy('forger')

        def become_and_forge():
            os.setgroups([])
            os.setgid(61260)
            os.setuid(61260)
            private_namespaces_with(forger, wanted)

        a = self.spawn('pid', before=become_and_forge, path=wanted)
        self.assertEqual(a.number('pid'), a.pid)
        self.assertEqual(os.readlink(f'/proc/{a.pid}/exe'), wanted, 'the forgery does not work, so nothing is tested')
        self.assert_home(a.pid)
        facts = {f['Name']: f for f in self.service.explain(a.pid)['Facts']}
        self.assertFalse(facts['exe'].get('Value'), 'the forged path is taken for a fact')

    def test_namespace_with_the_real_file_is_believed(self):
        wanted, forger, unused = copy('real-wanted'), copy('forger'), copy('unused')

        def become():
            os.setgroups([])
            os.setgid(61260)
            os.setuid(61260)
            private_namespaces_with(forger, unused)

        a = self.spawn('pid', before=become, path=wanted)
        self.assertEqual(a.number('pid'), a.pid)
        self.await_class(a.pid, 'a')


class OfOneUser(Case):
    CLASSES = '[Class a]\n'
    RULES = f'exe: uid=61391 exe={BIN}/real-* {{home}} => a\nname: comm=none-such {{home}} => a\n'

    def test_others_do_not_pay_for_it(self):
        """The program's file is asked for those only whom a rule with exe= can concern."""
        path = copy('real-own')
        self.fence()
        before = self.counter('exe_asked')
        other = self.as_user(61392, path=path)
        self.fence()
        self.assertEqual(self.counter('exe_asked'), before)
        self.assert_home(other.pid)  # what it explains asks for all facts
        before = self.counter('exe_asked')
        own = self.as_user(61391, path=path)
        self.await_class(own.pid, 'a')
        self.assertGreater(self.counter('exe_asked'), before)


class FirstExeRule(Case):
    CLASSES = '[Class a]\n[Class b]\n'
    RULES = 'b: comm=ptb {home} => b\n'

    def test_reader_comes_with_the_first_rule_that_needs_it(self):
        self.assertNotIn('exereader', self.service.daemons())
        b = self.spawn(path=program('ptb'))
        self.await_class(b.pid, 'b')
        a = self.spawn(path=copy('real-late'))
        self.service.restarts = True
        self.service.add_rule(f'exe: exe={BIN}/real-late {{home}} => a')
        wait_for(lambda: self.service.revived() and 'exereader' in self.service.daemons(), 'the reader to run')
        self.await_class(a.pid, 'a')
        self.assertTrue(self.in_class(b.pid, 'b'))
        self.assert_alive(b)
        self.assertEqual(place(b.pid), self.class_path('b'))

"""Placing by hand: who may, who overrules whom, what polkit hears, and the methods that take a pidfd."""
import ctypes
import grp
import os
import pwd
import subprocess

import bus
from bus import ACCESS_DENIED, INTERACTIVE, INVALID_ARGS
from dialog import AskedCall
from machine import enter, make_cgroup, place, wait_for
from test_dialog import PolkitCase

EXAMPLE = '/usr/share/doc/pclass/examples/polkit-operators.rules'
sd = ctypes.CDLL('libsystemd.so.0')


class SdError(ctypes.Structure):
    _fields_ = [('name', ctypes.c_char_p), ('message', ctypes.c_char_p), ('need_free', ctypes.c_int)]


def call_with_handle(method, types, *args):
    """busctl sends no handles. Returns the name of the error, or None."""
    connection, error, reply = ctypes.c_void_p(), SdError(), ctypes.c_void_p()
    assert sd.sd_bus_open_system(ctypes.byref(connection)) >= 0
    try:
        r = sd.sd_bus_call_method(connection, b'org.pclass', b'/Processes', b'org.pclass.Processes', method.encode(), ctypes.byref(error),
                                  ctypes.byref(reply), types.encode(), *args)
        sd.sd_bus_message_unref(reply)
        return (error.name or str(r).encode()).decode() if r < 0 else None
    finally:
        sd.sd_bus_flush_close_unref(connection)


class AssignCase(PolkitCase):
    def start(self, *command, user=None):
        """A process below HOME, out of the way of every rule."""
        make_cgroup(bus.HOME)
        p = subprocess.Popen(bus.as_user(user, *(command or ('sleep', '300'))), stdin=subprocess.PIPE, preexec_fn=lambda: enter(bus.HOME))
        self.addCleanup(lambda: (p.kill(), p.stdin.close(), p.wait()))
        uid = pwd.getpwnam(user or 'root').pw_uid
        if not command:
            wait_for(lambda: open(f'/proc/{p.pid}/comm', encoding='utf-8').read() == 'sleep\n', 'sleep to begin')
            self.assertEqual(os.stat(f'/proc/{p.pid}').st_uid, uid)
        return p

    def assign(self, p, *options, user=None, **how):
        return bus.call('/Processes', 'Processes', 'AssignPid', 'usoa{sv}', p.pid, '', '/Classes/web', len(options) // 3, *options, user=user, **how)

    def pin(self, p, user=None):
        return self.assign(p, 'pin', 'b', 'true', user=user)

    def release(self, p, user=None):
        return bus.call('/Processes', 'Processes', 'ReleasePid', 'us', p.pid, '', user=user)

    def row(self, p):
        rows = self.assertOk(bus.call('/Processes', 'Processes', 'ListAssignments', 'a{sv}', 0, user='bob'))  # everybody may look
        return next((r for r in rows if r['PID'] == p.pid), None)

    def in_web(self, p):
        return place(p.pid) == f'{self.service.root}/web'


class Authority(AssignCase):
    def test_root(self):
        p = self.start()
        self.assertOk(self.pin(p))
        self.assertTrue(self.in_web(p))
        self.assertEqual((self.row(p)['Authority'], self.row(p)['UID'], self.row(p)['Until']), ('root', 0, 'exit'))
        self.assertOk(self.release(p))
        self.assertEqual(place(p.pid), bus.HOME)
        self.assertError(self.release(p), 'NoSuchAssignment')

    def test_denied_and_asked(self):
        for user, error in (('bob', ACCESS_DENIED), ('dave', INTERACTIVE)):
            for owner in (None, user):  # also about his own processes polkit decides
                p = self.start(user=owner)
                self.assertError(self.pin(p, user=user), error, 'org.pclass.processes.move')
                self.assertIsNone(self.row(p))
                self.assertEqual(place(p.pid), bus.HOME)
                self.assertOk(self.pin(p))
                self.assertError(self.release(p, user=user), error)
                self.assertTrue(self.in_web(p))

    def test_user_below_administrator_below_root(self):
        own, foreign = self.start(user='alice'), self.start(user='dave')
        self.assertOk(self.pin(own, user='alice'))
        self.assertEqual(self.row(own)['Authority'], 'user')
        self.assertOk(self.pin(foreign, user='alice'))
        self.assertEqual((self.row(foreign)['Authority'], self.row(foreign)['UID']), ('admin', pwd.getpwnam('alice').pw_uid))
        self.assertOk(self.pin(own))  # root replaces
        for answer in (self.pin(own, user='alice'), self.release(own, user='alice')):
            self.assertError(answer, ACCESS_DENIED, 'by root')
        self.assertEqual(self.row(own)['Authority'], 'root')
        self.assertOk(self.release(foreign, user='alice'))  # as high
        self.assertOk(self.release(own))

    def test_ended_with_its_process(self):
        p = self.start()
        self.assertOk(self.pin(p))
        p.kill()
        p.wait()
        wait_for(lambda: self.row(p) is None, 'it to be forgotten')
        self.assertError(self.pin(p), 'NoSuchProcess')

    def test_what_polkit_hears(self):
        subprocess.run(['useradd', '-M', 'ptfresh'], check=True)  # whose name the service has never asked for
        self.addCleanup(subprocess.run, ['userdel', '--force', 'ptfresh'], check=True)
        for owner, own in (('ptfresh', 'no'), ('dave', 'yes'), ('alice', 'no')):
            p = self.start(user=owner)
            lines = self.watch_polkit()
            self.assertError(self.pin(p, user='dave'), INTERACTIVE)
            strings = []
            for line in lines:
                if line.lstrip().startswith('string '):
                    strings.append(line.split('"')[1])
                if 'uint32 0' in line and 'org.pclass.processes.move' in strings:
                    break
            for name, value in (('pid', str(p.pid)), ('class', 'web'), ('user', owner), ('own', own)):
                self.assertEqual(strings[strings.index(name) + 1], value)

    def test_process_that_changes_its_user_meanwhile(self):
        p = self.start('sh', '-c', 'read line; exec setpriv --reuid=alice --clear-groups sleep infinity', user='root')
        call = AskedCall('dave', '/Processes', 'Processes', 'AssignPid', 'usoa{sv}', p.pid, '', '/Classes/web', 0)
        self.addCleanup(call.close)
        call.go().terminal.wait_for('carol')
        p.stdin.write(b'\n')
        p.stdin.flush()
        wait_for(lambda: os.stat(f'/proc/{p.pid}').st_uid != 0, 'it to become alice')
        call.terminal.password('carolpw')
        self.assertError(call.answer(), ACCESS_DENIED, 'changed its user')
        self.assertIsNone(self.row(p))

    def test_with_a_password(self):
        p = self.start()
        call = AskedCall('dave', '/Processes', 'Processes', 'AssignPid', 'usoa{sv}', p.pid, '', '/Classes/web', 0)
        self.addCleanup(call.close)
        call.go().terminal.wait_for(f'put process {p.pid} of root')
        call.terminal.password('carolpw')
        self.assertOk(call.answer())
        self.assertEqual((self.row(p)['Authority'], self.row(p)['UID']), ('admin', pwd.getpwnam('dave').pw_uid))


class Example(AssignCase):
    """The file of the documentation, as it is but for the name of the class."""

    def setUp(self):
        super().setUp()
        try:
            grp.getgrnam('operators')
        except KeyError:
            subprocess.run(['groupadd', 'operators'], check=True)
        subprocess.run(['usermod', '-aG', 'operators', 'dave'], check=True)
        with open(EXAMPLE, encoding='utf-8') as f:
            text = f.read()
        self.assertIn('"desktop"', text)
        path = '/etc/polkit-1/rules.d/50-pclass-operators.rules'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text.replace('"desktop"', '"we"'))
        self.addCleanup(lambda: wait_for(lambda: self.assign(self.start(user='carol'), user='carol').error, 'polkit to forget the file'))
        self.addCleanup(os.unlink, path)
        self.addCleanup(subprocess.run, ['gpasswd', '-d', 'dave', 'operators'], stdout=subprocess.DEVNULL, check=True)
        wait_for(lambda: self.assign(self.start(user='carol'), user='carol').error is None, 'polkit to read the file')

    def test_operators_assign_and_do_not_edit(self):
        p = self.start(user='alice')
        self.assertOk(self.pin(p, user='dave'))
        self.assertEqual(self.row(p)['Authority'], 'admin')
        self.assertOk(self.release(p, user='dave'))
        self.assertError(self.pin(self.start(), user='dave'), INTERACTIVE)  # root's are not theirs
        self.assertError(bus.add('edited', user='dave'), INTERACTIVE)
        self.assertError(bus.call('/Status', 'Status', 'SetMode', 's', 'enforce', user='dave'), INTERACTIVE)

    def test_users_their_own(self):
        self.assertOk(self.pin(self.start(user='carol'), user='carol'))
        self.assertError(self.pin(self.start(user='alice'), user='carol'), INTERACTIVE)
        held = self.start(user='carol')
        self.assertOk(self.pin(held, user='dave'))
        self.assertError(self.release(held, user='carol'), ACCESS_DENIED, 'by admin')


class Handles(AssignCase):
    def handle(self, p):
        fd = os.pidfd_open(p.pid)
        self.addCleanup(os.close, fd)
        return ctypes.c_int(fd)

    def test_assign_and_release(self):
        p = self.start()
        fd = self.handle(p)
        self.assertIsNone(call_with_handle('Assign', 'hoa{sv}', fd, b'/Classes/web', ctypes.c_int(0)))
        self.assertTrue(self.in_web(p))
        self.assertIsNone(call_with_handle('Explain', 'h', fd))
        self.assertIsNone(call_with_handle('Release', 'h', fd))
        self.assertEqual(place(p.pid), bus.HOME)

    def test_what_is_no_process(self):
        for fd in (0, os.open('/proc/self/status', os.O_RDONLY)):
            self.assertEqual(call_with_handle('Release', 'h', ctypes.c_int(fd)), INVALID_ARGS)
        os.close(fd)
        p = self.start()
        fd = self.handle(p)
        p.kill()
        p.wait()
        for method, types, args in (('Assign', 'hoa{sv}', (b'/Classes/web', ctypes.c_int(0))), ('Explain', 'h', ()), ('Release', 'h', ())):
            self.assertEqual(call_with_handle(method, types, fd, *args), bus.OWN + 'NoSuchProcess')

    def test_cookie_of_another(self):
        p = self.start()
        self.assertError(bus.call('/Processes', 'Processes', 'AssignPid', 'usoa{sv}', p.pid, '1', '/Classes/web', 0), 'NoSuchProcess', 'another one')
        self.assertError(bus.call('/Processes', 'Processes', 'AssignPid', 'usoa{sv}', p.pid, '', '/Classes/nowhere', 0), 'NoSuchClass')
        self.assertError(bus.call('/Processes', 'Processes', 'AssignPid', 'usoa{sv}', p.pid, '', '/Rules', 0), 'NoSuchClass')
        self.assertIsNone(self.row(p))

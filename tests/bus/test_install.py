"""What `meson install` puts where, and that those who read it can."""
import glob
import os
import pwd
import re
import shutil
import subprocess
import unittest

UNIT = '/lib/systemd/system/pclass.service'


class Install(unittest.TestCase):
    def run_ok(self, *command):
        r = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        return r.stdout + r.stderr

    def test_files(self):
        for path in (UNIT, '/usr/lib/sysusers.d/pclass.conf', '/usr/lib/tmpfiles.d/pclass.conf', '/etc/pclass/pclass.conf',
                     '/etc/pclass/classes.d/example.conf', '/etc/pclass/rules.d/example.rules', '/usr/libexec/pclass/pclass-broker',
                     '/usr/libexec/pclass/pclassd', '/usr/libexec/pclass/pclass-names', '/usr/libexec/pclass/pclass-cmdline', '/usr/libexec/pclass/pclass-classes', '/usr/bin/pclassctl',
                     '/usr/share/dbus-1/system.d/org.pclass.conf', '/usr/share/dbus-1/system-services/org.pclass.service'):
            with self.subTest(path=path):
                info = os.stat(path)
                self.assertEqual((info.st_uid, info.st_gid, info.st_mode & 0o022), (0, 0, 0))
                self.assertEqual(bool(info.st_mode & 0o111), '/libexec/' in path or '/bin/' in path)

    def test_no_placeholder_is_left(self):
        for path in (UNIT, '/usr/lib/sysusers.d/pclass.conf', '/usr/lib/tmpfiles.d/pclass.conf', '/usr/libexec/pclass/pclass-classes',
                     '/usr/share/dbus-1/system.d/org.pclass.conf', '/usr/share/polkit-1/actions/org.pclass.policy'):
            with self.subTest(path=path), open(path, encoding='utf-8') as f:
                self.assertNotRegex(f.read(), r'@[a-z]+@')

    def test_unit(self):
        said = self.run_ok('systemd-analyze', 'verify', '--man=no', UNIT)
        self.assertNotIn('pclass', said)
        with open(UNIT, encoding='utf-8') as f:
            text = f.read()
        for program in re.findall(r'^Exec\w+=[-+]*(\S+)', text, re.M):
            self.assertTrue(shutil.which(program), program)
        # The connector is silent in a network or user namespace, and control groups and other processes are what the service is about.
        self.assertNotRegex(text, r'(?m)^(PrivateNetwork|PrivateUsers|ProtectControlGroups|ProtectProc|DynamicUser)=')

    def test_user(self):
        """Made on a machine that does not have it."""
        root = '/run/sysusers-root'
        os.makedirs(f'{root}/etc', exist_ok=True)
        self.run_ok('systemd-sysusers', f'--root={root}', '--replace=/usr/lib/sysusers.d/pclass.conf', '/usr/lib/sysusers.d/pclass.conf')
        with open(f'{root}/etc/passwd', encoding='utf-8') as f:
            user = [line.split(':') for line in f if line.startswith('pclass:')]
        self.assertEqual([(u[5], os.path.basename(u[6].strip())) for u in user], [('/', 'nologin')])

    def test_state_directory(self):
        self.run_ok('systemd-tmpfiles', '--create', '/usr/lib/tmpfiles.d/pclass.conf')
        info = os.stat('/var/lib/pclass')
        self.assertEqual((info.st_uid, info.st_mode & 0o777), (pwd.getpwnam('pclass').pw_uid, 0o700))

    def test_samples_are_sound(self):
        self.run_ok('pclassctl', 'lint', '/etc/pclass/rules.d/example.rules')
        for path in glob.glob('/etc/pclass/*.d/example.*'):
            with open(path, encoding='utf-8') as f:
                self.assertNotRegex(f.read(), r'(?m)^[^#\n]', 'a sample does nothing until somebody takes the # away')

    def test_samples_are_sound_when_switched_on(self):
        os.makedirs('/run/samples', exist_ok=True)
        for name, mark in (('classes.d/example.conf', r'#(?=\S)'), ('rules.d/example.rules', r'# (?=\w+: .*=>)')):
            with open(f'/etc/pclass/{name}', encoding='utf-8') as f:
                text = re.sub(f'(?m)^{mark}', '', f.read())
            with open(f'/run/samples/{os.path.basename(name)}', 'w', encoding='utf-8') as f:
                f.write(text)
        self.run_ok('pclassctl', 'test', '--rules', '/run/samples/example.rules', '--classes', '/run/samples', '--comm', 'x', '--uid', '5', '--json')
        said = self.run_ok('pclassctl', 'lint', '/run/samples/example.rules')
        self.assertIn('0 errors', said)
        self.assertNotIn('no such class', said)

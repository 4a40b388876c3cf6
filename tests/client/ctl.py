"""Runs pclassctl, and a private bus with a service whose answers are known."""
import json
import os
import pty
import subprocess
import tempfile
import unittest

OK, FAILED, USAGE, NOT_AUTHORISED, NOT_RUNNING, NO_SUCH_OBJECT = 0, 1, 2, 4, 8, 10
NO_BUS = 'unix:path=/nonexistent/bus'
WAIT = 30  # seconds until something that should end is called hanging

# How a machine starts services.
START = 'systemctl start' if os.path.isdir('/run/systemd/system') else 'service pclass start'

build = None


def use(directory):
    global build
    build = os.path.abspath(directory)


def program(path):
    return os.path.join(build, path)


class Case(unittest.TestCase):
    """Every test has an empty directory self.dir, and no bus unless it makes one."""
    maxDiff = None
    bus = NO_BUS

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix='pclass-client.')
        self.addCleanup(temporary.cleanup)
        self.dir = temporary.name

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8', errors='surrogateescape') as f:
            f.write(text)
        return path

    def run_ctl(self, *args, **how):
        env = {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'DBUS_SYSTEM_BUS_ADDRESS': self.bus, 'TZ': 'UTC'}
        for name, value in os.environ.items():
            if name.startswith(('ASAN_', 'UBSAN_', 'LSAN_')):
                env[name] = value
        return subprocess.run([program('client/pclassctl'), *args], env=env, cwd=self.dir, capture_output=True, text=True, timeout=WAIT,
                              stdin=None if 'input' in how else subprocess.DEVNULL, check=False, **how)

    def ok(self, *args, **how):
        """Standard output of a run that must succeed and complain about nothing."""
        r = self.run_ctl(*args, **how)
        self.assertEqual((r.returncode, r.stderr), (OK, ''), r.stdout)
        return r.stdout

    def json(self, *args, **how):
        return json.loads(self.ok(*args, '--json', **how))

    def fails(self, code, *args, **how):
        """Standard error of a run that must end with this code and print no answer."""
        r = self.run_ctl(*args, **how)
        self.assertEqual((r.returncode, r.stdout), (code, ''), r.stderr)
        self.assertTrue(r.stderr.startswith('pclassctl: '), r.stderr)
        return r.stderr


class BusCase(Case):
    """With a private bus and the fake service on it."""
    service = True

    def setUp(self):
        super().setUp()
        read, write = os.pipe()
        daemon = subprocess.Popen(['dbus-daemon', '--session', '--nofork', '--nopidfile', f'--address=unix:dir={self.dir}',
                                   f'--print-address={write}'], pass_fds=[write], stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, daemon)
        os.close(write)
        with os.fdopen(read) as f:
            self.bus = f.readline().strip()
        self.assertNotEqual(self.bus, '', 'the bus did not start')
        if self.service:
            self.start_service()

    def start_service(self, **env):
        self.fake = subprocess.Popen([program('tests/client/fake-service')], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                     env={**os.environ, 'DBUS_SYSTEM_BUS_ADDRESS': self.bus, **env})
        self.addCleanup(self.end_service)
        self.assertEqual(self.fake.stdout.readline(), 'ready\n')

    def end_service(self):
        """Lines that the service has heard since it was started."""
        if self.fake.stdin.closed:
            return []
        self.fake.stdin.close()
        heard = self.fake.stdout.read().splitlines()
        self.fake.stdout.close()
        self.assertEqual(self.fake.wait(WAIT), 0)
        return heard

    def on_terminal(self, *args, columns=60, code=OK, **env):
        """What somebody at a terminal sees who types nothing."""
        outer, inner = pty.openpty()
        subprocess.run(['stty', 'cols', str(columns), '-opost'], stdin=inner, check=True)
        env = {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'TERM': 'xterm', 'PCLASS_PAGER': '', 'DBUS_SYSTEM_BUS_ADDRESS': self.bus, **env}
        with subprocess.Popen([program('client/pclassctl'), *args], stdin=subprocess.DEVNULL, stdout=inner,
                              env={k: v for k, v in env.items() if v is not None}) as p:
            os.close(inner)
            text = b''
            while True:
                try:
                    more = os.read(outer, 65536)
                except OSError:  # EIO: nobody has it open any more
                    break
                if not more:
                    break
                text += more
        os.close(outer)
        self.assertEqual(p.returncode, code)
        return text.decode()

    @staticmethod
    def end(process):
        process.terminate()
        process.wait(WAIT)

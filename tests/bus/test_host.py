"""pclassctl -H, over a real sshd on the loopback interface. The far machine is this one: same bus, same users."""
import os
import signal
import socket
import subprocess
import tempfile

import bus
from bus import Case
from machine import wait_for
from test_ctl import Lines

UNPACKED = os.environ['PCLASS_UNPACKED']
CLIENT_CONFIG = '/etc/ssh/ssh_config.d/pclass-test.conf'  # of the rig, as the users are
NOT_AUTHORISED, NOT_RUNNING = 4, 8


def keygen(path):
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path], check=True)
    with open(f'{path}.pub', encoding='utf-8') as f:
        return f.read()


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Sshd:
    """With keys made for it, and an ssh that knows it as "far"."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='sshd.', dir='/run')
        os.chmod(self.dir, 0o755)  # users' keys are read as the user
        host, user = keygen(f'{self.dir}/host'), keygen(f'{self.dir}/user')
        self.write('authorized', user)
        self.write('config', f'ListenAddress 127.0.0.1\nHostKey {self.dir}/host\nPidFile none\nUsePAM no\nStrictModes no\n'
                             f'PasswordAuthentication no\nAuthorizedKeysFile {self.dir}/authorized\n')
        self.write('log', '')
        os.makedirs('/run/sshd', exist_ok=True)
        if subprocess.run(['getent', 'passwd', 'sshd'], stdout=subprocess.DEVNULL, check=False).returncode != 0:
            subprocess.run(['useradd', '-r', '-M', '-d', '/run/sshd', '-s', '/usr/sbin/nologin', 'sshd'], check=True)
        for name in ('alice', 'bob'):  # "no password", not "locked"
            subprocess.run(['usermod', '-p', '*', name], check=True)
        self.libraries = subprocess.run(['find', UNPACKED, '-name', 'libwrap.so.0', '-printf', '%h'], capture_output=True, text=True, check=True).stdout
        wait_for(self.start, lambda: f'sshd to have a port of its own: {self.log()}')
        self.write('known', f'[127.0.0.1]:{self.port} {host}')
        with open(CLIENT_CONFIG, 'w', encoding='utf-8') as f:
            f.write(f'Host far\n HostName 127.0.0.1\n Port {self.port}\n IdentityFile {self.dir}/user\n IdentitiesOnly yes\n BatchMode yes\n'
                    f' UserKnownHostsFile {self.dir}/known\n StrictHostKeyChecking yes\n')

    def start(self):
        """It takes no port 0, and somebody else may take the port that was free a moment ago: then it ends, and another one is tried."""
        self.port = free_port()
        self.process = subprocess.Popen([f'{UNPACKED}/usr/sbin/sshd', '-D', '-f', f'{self.dir}/config', '-p', str(self.port), '-E', f'{self.dir}/log'],
                                        env={'PATH': os.environ['PATH'], 'LD_LIBRARY_PATH': self.libraries})
        wait_for(lambda: self.process.poll() is not None or self.listens(), 'sshd to listen')
        return self.process.poll() is None

    def log(self):
        with open(f'{self.dir}/log', encoding='utf-8') as f:
            return f.read()

    def write(self, name, text):
        with open(f'{self.dir}/{name}', 'w', encoding='utf-8') as f:
            f.write(text)

    def listens(self):
        return f'Server listening on 127.0.0.1 port {self.port}.' in self.log()

    def sessions(self):
        with open(f'/proc/{self.process.pid}/task/{self.process.pid}/children', encoding='utf-8') as f:
            return [int(pid) for pid in f.read().split()]

    def stop(self):
        os.unlink(CLIENT_CONFIG)
        for pid in self.sessions():
            os.kill(pid, signal.SIGTERM)
        self.process.terminate()
        self.process.wait(20)


class Host(Case):
    @classmethod
    def setUpClass(cls):
        cls.sshd = Sshd()
        cls.addClassCleanup(cls.sshd.stop)

    def ctl(self, user, *args):
        return subprocess.run(['pclassctl', '-H', f'{user}@far', *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)

    def ok(self, user, *args):
        r = self.ctl(user, *args)
        self.assertEqual((r.returncode, r.stderr), (0, ''), r.stdout)
        return r.stdout

    def fails(self, code, user, *args):
        r = self.ctl(user, *args)
        self.assertEqual((r.returncode, r.stdout), (code, ''), r.stderr)
        return r.stderr

    def test_as_a_user_whom_polkit_allows_it(self):
        path = self.ok('alice', 'add-rule', bus.rule_text('far')).strip()
        self.assertEqual(bus.rules()['far']['Path'], path)
        self.assertIn('far', self.ok('alice', 'list-rules'))
        self.ok('alice', 'remove-rule', 'far')
        self.assertNotIn('far', bus.rules())

    def test_as_root(self):
        self.assertIn('State: running', self.ok('root', 'status'))
        self.assertIn(f'Process {os.getpid()} ', self.ok('root', 'explain', str(os.getpid())))

    def test_polkit_there_decides(self):
        self.assertIn('not authorised', self.fails(NOT_AUTHORISED, 'bob', 'add-rule', bus.rule_text('far')))
        err = self.fails(NOT_AUTHORISED, 'dave', 'add-rule', bus.rule_text('far'))
        self.assertIn('password is needed', err)
        self.assertIn('-H root@', err)
        self.assertNotIn('far', bus.rules())

    def test_monitor_follows(self):
        lines = Lines('-H', 'alice@far', 'monitor', '--json')
        self.addCleanup(lines.end)
        lines.next(), lines.next()
        self.assertOk(bus.add('far'))
        self.assertIn('"rule-added"', lines.next())

    def test_connection_that_ends(self):
        lines = Lines('-H', 'alice@far', 'monitor')
        lines.next(), lines.next()
        for pid in self.sshd.sessions():
            os.kill(pid, signal.SIGTERM)
        said = lines.process.stdout.read()
        self.assertEqual(lines.process.wait(20), NOT_RUNNING)
        self.assertIn('pclassctl: the connection to alice@far has ended', said)
        lines.patience.cancel()
        lines.process.stdout.close()

    def test_machine_that_is_another_one(self):
        """ssh says why; that is not to be hidden."""
        self.sshd.write('known', f'[127.0.0.1]:{self.sshd.port} {keygen(f"{self.sshd.dir}/other")}')
        with open(f'{self.sshd.dir}/host.pub', encoding='utf-8') as f:
            self.addCleanup(self.sshd.write, 'known', f'[127.0.0.1]:{self.sshd.port} {f.read()}')
        err = self.fails(NOT_RUNNING, 'alice', 'status')
        self.assertIn('Host key verification failed', err)
        self.assertIn('the connection to alice@far has ended', err)

    def test_user_who_may_not_log_in(self):
        self.assertIn('Permission denied', self.fails(NOT_RUNNING, 'pclass', 'status'))

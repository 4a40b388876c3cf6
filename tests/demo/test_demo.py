"""scripts/demo does what it says, on a private bus and on a system bus, and leaves nothing behind."""
import glob
import hashlib
import os
import re
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEMO = f'{TOP}/scripts/demo'
RIG = f'{TOP}/tests/lib/rig.sh'
STATE = f'{TOP}/build/demo-state'
# user, program, rule, class as the table must show them
ROWS = (
    ('www-data', 'sleep', 'web', 'web'),
    ('games', 'report.sh', 'people', 'people/games'),
    ('news', 'report.sh', 'people', 'people/news'),
    ('root', 'perl', 'batch', 'batch'),
    ('backup', 'python3', 'batch', 'batch'),
    ('www-data', 'late', 'web', 'web'),
    ('root', 'sleep', '-', '-'),
)


def traces(name=None):
    """What a demo could leave: files, users, and the cgroups that it said it used."""
    found = {p for p in (STATE, '/opt/pclass-demo', '/run/pclass-demo', '/etc/dbus-1/system.d/pclass-demo.conf',
                         '/usr/share/polkit-1/actions/org.pclass.demo.policy') if os.path.lexists(p)}
    for path in ('/etc/passwd', '/etc/group', '/etc/shadow'):
        with open(path, 'rb') as f:
            found.add(f'{path} {hashlib.sha256(f.read()).hexdigest()}')
    if name:
        found |= set(glob.glob(f'/sys/fs/cgroup/*/{name}')) | set(glob.glob(f'/sys/fs/cgroup/{name}'))
    return found


def cgroup_of(output):
    return re.search(r'/(pclass-rig\.[0-9.]+)/home', output)[1]


class Demo(unittest.TestCase):
    def demo(self, *args, inside=None, status=0):
        command = [DEMO, *args] if not inside else [RIG, 'run', inside, DEMO, *args]
        r = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=280, check=False)
        self.assertEqual(r.returncode, status, r.stdout + r.stderr)
        return r.stdout + r.stderr

    def story(self, output):
        """Everything that the demo has to show is there."""
        self.assertNotIn('\033', output, 'piped output must be plain')
        table = re.findall(r'^ +\d+ +(\S+) +(\S+) +\S+ +(\S+) +(\S+) +(?:[\d.]+ ms|-)$', output, re.M)
        for row in ROWS:
            self.assertIn(row, table, output)
        self.assertRegex(output, r'sleep +-  +web +web +[\d.]+ ms', 'no time from event to move')
        sleeper = re.search(r'(\d+)  root +matches no rule', output)[1]
        self.assertRegex(output, rf'(?m)^ +{sleeper} +sleep +root +.*home.*idle')
        self.assertIn('Nothing was changed', output)
        self.assertIn(f'process {sleeper} is still in /{cgroup_of(output)}/home\n', output)
        self.assertIn("busctl call org.pclass /Rules org.pclass.Rules Add 'sa{sv}'", output)
        self.assertIn(f'process {sleeper} is now in /{cgroup_of(output)}/pclass-demo/idle\n', output)
        self.assertIn('In class idle by rule sleepers', output)

    def test_as_this_machine_is(self):
        before = traces()
        output = self.demo()
        self.story(output)
        self.assertEqual(traces(cgroup_of(output)), before)

    def test_with_a_system_bus(self):
        """Inside a rig there is one; the demo installs itself beside the system for its time."""
        before = traces()
        with tempfile.TemporaryDirectory(prefix='pclass-demo-rig.') as rig:
            os.chmod(rig, 0o755)
            subprocess.run([RIG, 'up', rig], check=True)
            try:
                output = self.demo(inside=rig)
                look = subprocess.run([RIG, 'run', rig, 'sh', '-c', 'ls -d /opt/pclass-demo /run/pclass-demo /etc/dbus-1/system.d/pclass-demo.conf '
                                       '/usr/share/polkit-1/actions/org.pclass.demo.policy'], capture_output=True, text=True, check=False)
            finally:
                subprocess.run([RIG, 'down', rig], check=True)
        self.assertIn('using the system bus', output)
        self.story(output)
        self.assertEqual(look.stdout, '')
        self.assertEqual(traces(cgroup_of(output)), before)

    def test_keep_and_stop(self):
        before = traces()
        output = self.demo('--keep')
        try:
            self.story(output)
            enter = re.search(r'^ +((?:nsenter|env) .*)pclassctl status$', output, re.M)[1]
            status = subprocess.run(['sh', '-c', enter + 'pclassctl status'], capture_output=True, text=True, check=False)
            self.assertEqual(status.returncode, 0, status.stderr)
            self.assertIn('enforce', status.stdout)
            self.assertIn('--stop', self.demo(status=1))
        finally:
            self.demo('--stop')
        self.assertEqual(traces(cgroup_of(output)), before)
        self.demo('--stop')  # with nothing to stop it does nothing

    def test_wrong_usage(self):
        self.assertIn('usage', self.demo('--wrong', status=2))
        self.assertIn('usage', self.demo('--keep', '--stop', status=2))

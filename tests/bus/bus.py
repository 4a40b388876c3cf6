"""Calls of org.pclass by several users, by way of busctl, and the one service that all bus tests share."""
import json
import os
import re
import subprocess
import unittest

from service import RIG, Service, unwrap

ACCESS_DENIED = 'org.freedesktop.DBus.Error.AccessDenied'
INTERACTIVE = 'org.freedesktop.DBus.Error.InteractiveAuthorizationRequired'
INVALID_ARGS = 'org.freedesktop.DBus.Error.InvalidArgs'
LIMITS = 'org.freedesktop.DBus.Error.LimitsExceeded'
OWN = 'org.pclass.Error.'
HOME = f'{RIG}/bus-home'  # rules of these tests are confined to processes below it


def as_user(user, *command):
    """The command line that runs a command as somebody else."""
    if user in (None, 'root'):
        return list(command)
    return ['setpriv', f'--reuid={user}', f'--regid={user}', '--init-groups', '--', *command]


class Answer:
    """What came back: value, or error (its D-Bus name) and text."""

    def __init__(self, status, out, err):
        self.error = self.text = self.value = None
        if status == 0:
            data = unwrap(json.loads(out)) if out.strip() else None
            self.value = data[0] if isinstance(data, list) and len(data) == 1 else data
            return
        errors = re.findall(r'^Got message type=error .* error-name=(\S+) error-message=(.*)$', err, re.M)
        self.error, self.text = errors[-1] if errors else ('none', err)

    def __repr__(self):
        text = f'{self.error}: {self.text}' if self.error else repr(self.value)
        return text if len(text) < 2000 else f'{text[:2000]}... ({len(text)} characters)'


def command(path, interface, method, *args, interactive=False):
    if '.' not in interface:
        interface = f'org.pclass.{interface}'
    return ['busctl', '--json=short', '--timeout=60', f'--allow-interactive-authorization={"yes" if interactive else "no"}', 'call',
            'org.pclass', path, interface, method, *map(str, args)]


def start_call(*args, user=None, interactive=False):
    """A call that runs beside the test; finish() gives the answer."""
    return subprocess.Popen(as_user(user, *command(*args, interactive=interactive)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            stdin=subprocess.DEVNULL, text=True, env={**os.environ, 'SYSTEMD_LOG_LEVEL': 'debug'})


def finish(process):
    out, err = process.communicate(timeout=90)
    return Answer(process.returncode, out, err)


def call(*args, user=None, interactive=False):
    return finish(start_call(*args, user=user, interactive=interactive))


def bus_call(method, *args):
    """A method of the bus itself."""
    r = subprocess.run(['busctl', '--json=short', 'call', 'org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', method,
                        *args], capture_output=True, text=True, check=False)
    return unwrap(json.loads(r.stdout))[0] if r.returncode == 0 and r.stdout.strip() else None


def rule_text(name, comm='pt-bus', target='web'):
    return f'{name}: cgroup={HOME}* comm={comm} => {target}'


def add(name, *options, user=None, interactive=False, **rule):
    return call('/Rules', 'Rules', 'Add', 'sa{sv}', rule_text(name, **rule), len(options) // 3, *options, user=user, interactive=interactive)


def remove(path, user=None):
    return call('/Rules', 'Rules', 'Remove', 'oa{sv}', path, 0, user=user)


def rules(user=None):
    answer = call('/Rules', 'Rules', 'List', 'a{sv}', 0, user=user)
    assert not answer.error, answer
    return {row['Name']: row for row in answer.value}


_service = None


def service():
    """Started when first asked for. It moves nothing but processes below HOME."""
    global _service
    if not _service:
        _service = Service(rules=f'file: cgroup={HOME}* comm=pt-file => web\n',
                           classes='[Class web]\nCPUWeight=200\nTunable=CPUWeight:100-800\n[Class users/%u]\n').start()
    return _service


def stop_service():
    """What it said last."""
    global _service
    if not _service:
        return ''
    _service, ending = None, _service
    try:
        ending.stop()
        return ending.log()
    finally:
        ending.destroy()


class Case(unittest.TestCase):
    """Every test begins and ends with the one rule of the file."""

    def setUp(self):
        self.service = service()
        self.addCleanup(self.clean)

    def clean(self):
        for row in rules().values():
            if not row['Source']:
                self.assertIsNone(remove(row['Path']).error)

    def assertError(self, answer, name, text=''):
        self.assertEqual(answer.error, name if '.' in name else OWN + name, answer)
        self.assertIn(text, answer.text)

    def assertOk(self, answer):
        self.assertIsNone(answer.error, answer)
        return answer.value

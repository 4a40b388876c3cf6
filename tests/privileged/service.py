"""The real service, as installed in the rig: pclass-broker with everything it starts, in a cgroup and with files of its own."""
import functools
import itertools
import json
import os
import shutil
import signal
import subprocess
import time

import guard
import machine
from machine import wait_for

BROKER = os.environ.get('PCLASS_BROKER', '/usr/libexec/pclass/pclass-broker')
ACTOR = os.environ.get('PCLASS_ACTOR', '/nonexistent/actor')  # the bus tests start no actors
RIG = os.environ['PCLASS_RIG']  # "/pclass-rig.1.0": the cgroup that everything here lives below
NUMBER = itertools.count(1)
NORMAL = {'Mode': 'enforce', 'SweepSec': '0', 'HeartbeatSec': '1'}  # no sweep: what a test sees was caused by events


def unwrap(value):
    """busctl's JSON without its types."""
    if isinstance(value, dict):
        if set(value) == {'type', 'data'}:
            return unwrap(value['data'])
        return {k: unwrap(v) for k, v in value.items()}
    if isinstance(value, list):
        return [unwrap(v) for v in value]
    return value


class BusError(Exception):
    """A call that was answered with an error; str() is what busctl said."""


class Service:
    def __init__(self, rules='', classes='', without='', config=None):
        self.id = next(NUMBER)
        self.root = f'{RIG}/pclass-test-{self.id}'
        self.home = f'{RIG}/home-{self.id}'
        self.slice = f'{RIG}.slice'  # where units can be: systemd names none below another kind of directory
        self.cgroup = f'{RIG}/service-{self.id}'
        self.dir = f'/run/pclass-test-{self.id}'
        self.without = without
        self.config = {**NORMAL, **(config or {})}
        self.process = None
        self.options = []
        self.wrapper = []  # a command that starts it
        self.expected = 'running'
        self.own = []  # (pid, start time) of every daemon process seen
        for d in ('rules.d', 'classes.d', 'run', 'state'):
            os.makedirs(f'{self.dir}/{d}', exist_ok=True)
        shutil.chown(f'{self.dir}/state', 'pclass', 'pclass')
        for c in (self.home, self.cgroup):
            machine.make_cgroup(c)
        self.write_config()
        self.write_classes(classes)
        self.write_rules(rules)

    # ---- its files ----
    def write_config(self, **changes):
        self.config.update(changes)
        text = '[pclass]\n' + ''.join(f'{k}={v}\n' for k, v in {
            'ClassRoot': self.root, 'ClassDirs': f'{self.dir}/classes.d', 'RuleDirs': f'{self.dir}/rules.d',
            'StateDir': f'{self.dir}/state', 'RuntimeDir': f'{self.dir}/run', **self.config}.items())
        self.write('pclass.conf', self.fill(text))

    def write(self, name, text):
        with open(f'{self.dir}/{name}', 'w', encoding='utf-8') as f:
            f.write(text)

    def fill(self, text):
        """{home}, {slice} or {mine} in a rule is the condition that confines it to processes started by the test."""
        for name, value in (('{home}', f'cgroup={self.home}*'), ('{slice}', f'cgroup={self.slice}/*'), ('{HOME}', self.home),
                            ('{mine}', f'arg0={os.path.dirname(ACTOR)}/*')):
            text = text.replace(name, value)
        return text

    def write_rules(self, text, name='50-test.rules', unchecked=False):
        text = self.fill(text)
        self.write(f'rules.d/{name}', text if unchecked else guard.check(text, RIG))

    def write_classes(self, text, name='50-test.conf'):
        self.write(f'classes.d/{name}', text)

    # ---- its life ----
    def start_only(self):
        log = open(f'{self.dir}/log', 'a', encoding='utf-8')
        command = [*self.wrapper, BROKER, f'--config={self.dir}/pclass.conf', '--log-level=debug', *self.options]
        if self.without:
            command.append(f'--without={self.without}')
        with log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd='/',
                                            preexec_fn=lambda: machine.enter(self.cgroup))

    def start(self):
        """Starts it and waits until it has gone over every process."""
        self.start_only()
        self.wait_running()
        return self

    def wait_running(self, seconds=30):
        def running():
            if self.process.poll() is not None:
                raise AssertionError(f'the service ended with status {self.process.returncode}:\n{self.log()}')
            return self.state() == self.expected and self.converged()

        wait_for(running, lambda: f'the service to run; state {self.state()}, {self.statement()}:\n{self.log()}', seconds)
        self.note_own()

    def revived(self):
        """Starts it again when it has ended, as its unit would. True while it runs."""
        if self.process.poll() is not None and not machine.members(self.cgroup):
            self.start()
        return self.process.poll() is None

    def state(self):
        try:
            return self.get('/Status', 'Status', 'State')
        except BusError:
            return None

    def converged(self):
        try:
            return self.get('/Status', 'Status', 'Convergence').get('Converged')
        except BusError:
            return False

    def statement(self):
        try:
            return self.get('/Status', 'Status', 'Convergence'), self.counters()
        except BusError as e:
            return e

    def note_own(self):
        self.own = sorted({*self.own, *((p, machine.start_time(p)) for p in machine.members(self.cgroup))})

    def leads(self, pid):
        """Is it the process that was started, and started the others?"""
        return pid == self.process.pid

    def daemons(self):
        """{role: pid} of what runs now; roles by what the process says it executes."""
        roles, line_readers = {}, []
        for pid in machine.members(self.cgroup):
            try:
                with open(f'/proc/{pid}/cmdline', 'rb') as f:
                    name = os.path.basename(f.read().split(b'\0')[0].decode())
            except (FileNotFoundError, ProcessLookupError):
                continue
            if self.leads(pid):
                roles['broker'] = pid
            elif name.startswith('pclass-broker'):
                roles['exereader'] = pid
            elif name == 'pclass-cmdline':
                line_readers.append(pid)
            elif 'names' in name:
                roles['names'] = pid
            else:
                roles['listener'] = pid
        for pid in line_readers:
            if machine.parent(pid) not in line_readers:  # its children do its reading
                roles['cmdline'] = pid
        return roles

    def ended(self):
        self.process.poll()
        return not machine.members(self.cgroup)

    def wait_ended(self, seconds=10):
        wait_for(self.ended, lambda: f'every daemon to end; left: {self.daemons()}', seconds)

    def tell_to_end(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.tell_to_end()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError('the service did not end on SIGTERM') from None
        if self.process:
            self.wait_ended()

    def restart(self):
        self.stop()
        return self.start()

    def destroy(self):
        """Whatever happened: nothing of it stays. Raises the first thing that went wrong, after everything was tried."""
        steps = [self.stop, *(functools.partial(machine.remove_cgroup, c) for c in (self.home, self.cgroup, self.slice, self.root)),
                 functools.partial(shutil.rmtree, self.dir)]
        wrong = []
        for step in steps:
            try:
                step()
            except Exception as e:  # the next step matters all the more
                wrong.append(e)
        if self.process:
            self.process.kill()
            self.process.wait()
        if wrong:
            raise wrong[0]

    def log(self):
        try:
            with open(f'{self.dir}/log', encoding='utf-8', errors='replace') as f:
                return ''.join(f.readlines()[-60:])
        except FileNotFoundError:
            return ''

    # ---- the bus ----
    def call(self, path, interface, method, *args):
        """What the method answers (None, or the one value)."""
        r = subprocess.run(['busctl', '--json=short', 'call', 'org.pclass', path, f'org.pclass.{interface}', method, *map(str, args)],
                           capture_output=True, text=True, check=False)
        if r.returncode != 0:
            raise BusError(r.stderr.strip())
        if not r.stdout.strip():
            return None
        data = unwrap(json.loads(r.stdout))
        return data[0] if isinstance(data, list) and len(data) == 1 else data

    def get(self, path, interface, name):
        r = subprocess.run(['busctl', '--json=short', 'get-property', 'org.pclass', path, f'org.pclass.{interface}', name],
                           capture_output=True, text=True, check=False)
        if r.returncode != 0:
            raise BusError(r.stderr.strip())
        return unwrap(json.loads(r.stdout))

    def add_rule(self, text, *options):
        """The user's own command. Returns the rule's object path."""
        text = guard.check(self.fill(text), RIG)
        return self.call('/Rules', 'Rules', 'Add', 'sa{sv}', text, len(options) // 3, *options)

    def remove_rule(self, path):
        self.call('/Rules', 'Rules', 'Remove', 'oa{sv}', path, 0)

    def reload(self):
        self.call('/Rules', 'Rules', 'Reload')

    def rules(self):
        return self.call('/Rules', 'Rules', 'List', 'a{sv}', 0)

    def plan(self, text=''):
        return self.call('/Rules', 'Rules', 'Plan', 'sa{sv}', guard.check(self.fill(text), RIG) if text else '', 0)

    def explain(self, pid):
        return self.call('/Processes', 'Processes', 'ExplainPid', 'us', pid, '')

    def counters(self):
        return self.call('/Status', 'Status', 'GetCounters')

    def ctl(self, *args, status=0):
        """pclassctl; its output, JSON decoded where it is JSON."""
        r = subprocess.run(['pclassctl', *args], capture_output=True, text=True, check=False)
        if r.returncode != status:
            raise AssertionError(f'pclassctl {args} gave {r.returncode}, not {status}: {r.stdout}{r.stderr}')
        if '--json' in args and r.stdout.strip():
            return json.loads(r.stdout)
        return r.stdout if status == 0 else r.stderr

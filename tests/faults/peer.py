"""cgrulesengd of Debian's cgroup-tools beside pclass, with a configuration in the rig alone and one rule, of a user whom nobody else is."""
import os
import subprocess

import machine
from machine import wait_for
from service import RIG

USERS = range(620000, 640000)


def free_uid():
    """A uid that nobody on the machine runs under, and that another run of these tests does not choose."""
    uid = USERS[os.getpid() % len(USERS)]
    for pid in (p for p in os.listdir('/proc') if p.isdigit()):
        try:
            if os.stat(f'/proc/{pid}').st_uid == uid:
                raise AssertionError(f'process {pid} has the uid of the test: {uid}')
        except FileNotFoundError:
            pass
    return uid


class Peer:
    """The rule moves in the hierarchy of one v1 controller, which pclass leaves alone here."""
    CONTROLLER = 'pids'

    def __init__(self, uid):
        self.cgroup, self.home = f'{RIG}/peer', machine.make_cgroup(f'{RIG}/peer-home')
        os.makedirs(self.hierarchy().path(self.cgroup), exist_ok=True)
        with open('/etc/passwd', 'r+', encoding='utf-8') as f:  # of the rig
            if f':{uid}:' not in f.read():
                f.write(f'ptpeer:x:{uid}:{uid}::/:/bin/false\n')
        os.makedirs('/etc/cgconfig.d', exist_ok=True)  # it does not start without this and an empty cgconfig.conf
        with open('/etc/cgconfig.conf', 'a', encoding='utf-8'):
            pass
        with open('/etc/cgrules.conf', 'w', encoding='utf-8') as f:
            f.write(f'ptpeer {self.CONTROLLER} {self.cgroup.lstrip("/")}\n')
        self.process = subprocess.Popen(['cgrulesengd', '-n', '-Q'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        preexec_fn=lambda: machine.enter(self.home))

    def hierarchy(self):
        h = machine.hierarchy_of(self.CONTROLLER)
        if h is None:
            raise AssertionError(f'the peer has no hierarchy of {self.CONTROLLER}')
        return h

    def pid(self):
        if self.process.poll() is not None:
            raise AssertionError(f'cgrulesengd ended with status {self.process.returncode}')
        return self.process.pid

    def has(self, pid):
        return machine.places(pid)['cgroup2' if self.hierarchy().version == 2 else self.CONTROLLER] == self.cgroup

    def stop(self):
        """Whoever it moved has ended before."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        wait_for(lambda: not machine.members(self.cgroup, self.hierarchy()), 'the peer\'s cgroup to be empty')
        os.rmdir(self.hierarchy().path(self.cgroup))
        machine.remove_cgroup(self.home)

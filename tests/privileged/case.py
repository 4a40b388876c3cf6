"""What every privileged test starts from: one service, actors, and questions about where a process really is."""
import os
import select
import subprocess
import time
import unittest

import machine
from machine import place, wait_for
from service import ACTOR, Service

BIN = os.path.dirname(ACTOR)
MARKER_RULE = 'marker: comm=ptmarker {home} => marker\n'
MARKER_CLASS = '[Class marker]\n'


def program(name):
    """Path of the actor under another name: comm is that name then."""
    path = f'{BIN}/{name}'
    if not os.path.lexists(path):
        os.symlink('actor', path)
    return path


class Actor:
    """One actor process (actor.c) and its children."""

    def __init__(self, service, steps, path=ACTOR, before=None, cgroup=None, argv0=None):
        def prepare():
            machine.enter(cgroup or service.home)
            if before:
                before()

        self.process = subprocess.Popen([argv0 or path, *map(str, steps)], executable=path, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, preexec_fn=prepare, cwd='/')
        self.pid = self.process.pid
        self.started = machine.start_time(self.pid)
        self.buffer = b''

    def line(self, seconds=20):
        """The next line it prints."""
        deadline = time.monotonic() + seconds
        while b'\n' not in self.buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b''
            if not data:
                raise AssertionError(f'the actor said nothing more within {seconds} s; it said {self.buffer!r}, status {self.process.poll()}')
            self.buffer += data
        text, _, self.buffer = self.buffer.partition(b'\n')
        return text.decode()

    def number(self, word):
        """The number of the next line "word N"."""
        said, n = self.line().split()
        assert said == word, f'{said} instead of {word}'
        return int(n)

    def child(self):
        return self.number('child')

    def go(self):
        """Lets it pass a `wait`."""
        self.process.stdin.write(b'\n')
        self.process.stdin.flush()

    def close(self):
        self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Case(unittest.TestCase):
    RULES = ''
    CLASSES = ''
    WITHOUT = os.environ.get('PCLASS_WITHOUT', '')
    CONFIG = {}
    START = True
    maxDiff = None

    def setUp(self):
        self.service = self.new_service()
        self.actors = []
        if self.START:
            self.service.start()

    def new_service(self, kind=Service):
        s = kind(MARKER_RULE + self.RULES, MARKER_CLASS + self.CLASSES, self.WITHOUT, self.CONFIG)
        self.addCleanup(self.end, s)
        return s

    def end(self, service):
        if self._outcome and not self._outcome.success:
            print(f'---- log of the service in {self.id()}:\n{service.log()}----')
        try:
            service.destroy()
        finally:
            for a in self.actors:
                a.close()

    # ---- actors ----
    def spawn(self, *steps, **how):
        a = Actor(self.service, steps, **how)
        self.actors.append(a)
        return a

    def as_user(self, uid, *steps, **how):
        """An actor that runs under that uid (and gid) before it executes anything."""
        def become():
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)

        return self.spawn(*steps, before=become, **how)

    # ---- where things are ----
    def class_path(self, name):
        return f'{self.service.root}/{name}'

    def in_class(self, pid, name, controller='cgroup2'):
        """True when it is there, or in the members' leaf of that class."""
        p = place(pid, controller)
        top = self.class_path(name)
        return p == top or (p is not None and os.path.dirname(p) == top and not self.is_class(p))

    def is_class(self, path):
        name = path[len(self.service.root) + 1:]
        return f'[Class {name}]' in self.service_classes()

    def service_classes(self):
        with open(f'{self.service.dir}/classes.d/50-test.conf', encoding='utf-8') as f:
            return f.read()

    def where(self, pid):
        try:
            text = str(machine.places(pid))
        except (FileNotFoundError, ProcessLookupError):
            return 'it is gone'
        try:
            return f'{text}\n{self.service.explain(pid)}'
        except Exception as e:  # the service may be what is broken
            return f'{text}\n{e}'

    def await_class(self, pid, name, controller='cgroup2', seconds=15):
        wait_for(lambda: self.in_class(pid, name, controller),
                 lambda: f'{pid} in class {name} of {controller}; it is in {self.where(pid)}', seconds)

    def await_home(self, pid, seconds=15):
        wait_for(lambda: place(pid) == self.service.home, lambda: f'{pid} at home; it is in {self.where(pid)}', seconds)

    def fence(self):
        """Returns when every event that was raised before the call has been decided and carried out: events are handled in queue order,
        and the marker's come last."""
        self.await_class(self.spawn(path=program('ptmarker')).pid, 'marker')

    def assert_home(self, *pids):
        """They are at home, now that everything that happened so far has been handled."""
        self.fence()
        for pid in pids:
            self.assertEqual(place(pid), self.service.home, self.where(pid))

    def assert_alive(self, actor):
        self.assertIsNone(actor.process.poll(), 'the process has ended')
        self.assertEqual(machine.start_time(actor.pid), actor.started)

    def counter(self, name):
        return self.service.counters().get(name, 0)

    def kill(self, pid):
        machine.kill(pid, machine.start_time(pid))

"""Signals of org.pclass as they come, each with the moment it was received."""
import json
import os
import select
import subprocess
import time

from service import unwrap


class Signals:
    """busctl that listens; await_signal() returns (seconds on CLOCK_MONOTONIC, body)."""

    def __init__(self):
        self.process = subprocess.Popen(['busctl', '--json=short', 'monitor', 'org.pclass', '--match',
                                         "type='signal',sender='org.pclass'"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.buffer = b''
        self.seen = []

    def ready(self, provoke):
        """Listening has begun: provoke() makes a signal, again and again until one is heard."""
        for _ in range(100):
            provoke()
            if self.read(0.1):
                self.seen.clear()
                return self
        raise AssertionError('no signal of the service is heard')

    def read(self, seconds):
        """What came within that time, None if nothing."""
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, seconds))
        data = os.read(self.process.stdout.fileno(), 65536) if ready else b''
        now = time.monotonic()
        self.buffer += data
        while b'\n' in self.buffer:
            line, _, self.buffer = self.buffer.partition(b'\n')
            if line.strip():
                message = json.loads(line)
                if message.get('type') == 'signal':
                    self.seen.append((now, message['path'], message['interface'], message['member'],
                                      unwrap(message.get('payload')) or []))
        return bool(data)

    def await_signal(self, member, wanted, seconds=15):
        """The first signal of that name whose (path, body) wanted() likes."""
        deadline = time.monotonic() + seconds
        while True:
            for i, (when, path, _, name, body) in enumerate(self.seen):
                if name == member and wanted(path, body):
                    del self.seen[:i + 1]
                    return when, body
            if time.monotonic() > deadline:
                raise AssertionError(f'no signal {member} within {seconds} s; heard: {self.seen}')
            self.read(0.05)

    def close(self):
        self.process.terminate()
        self.process.stdout.close()
        self.process.wait()

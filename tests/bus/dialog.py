"""Somebody at a terminal: a call that may ask for a password, and pkttyagent on a pseudo terminal that asks for it."""
import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import bus
from machine import wait_for


class Terminal:
    """A program on a terminal of its own, as one user."""

    def __init__(self, user, *command):
        self.seen = ''
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever started the tests may ignore it, and so would the program
            line = bus.as_user(user, *command)
            os.execvp(line[0], line)

    def wait_for(self, pattern, seconds=30):
        """Reads until the pattern was shown after what was looked for before."""
        deadline = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.seen)
            if found:
                self.seen = self.seen[found.end():]
                return found
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f'the terminal does not show {pattern!r} but {self.seen!r}')
            try:
                self.seen += os.read(self.fd, 4096).decode(errors='replace')
            except OSError:
                raise AssertionError(f'the program ended; it showed {self.seen!r}') from None

    def password(self, text):
        """The agent throws away what was typed before it switched the echo off, which it does after it has asked."""
        self.wait_for('Password:')
        wait_for(lambda: not termios.tcgetattr(self.fd)[3] & termios.ECHO, 'the terminal not to show what is typed')
        os.write(self.fd, text.encode() + b'\n')

    def ended(self, seconds=60):
        """The exit status, once it has ended by itself; `seen` has the rest of what it showed."""
        deadline = time.monotonic() + seconds
        while True:
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f'the program does not end; it showed {self.seen!r}')
            try:
                more = os.read(self.fd, 4096)
            except OSError:
                more = b''
            if not more:
                break
            self.seen += more.decode(errors='replace')
        pid, self.pid = self.pid, None
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def close(self):
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)
            self.pid = None
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Agent(Terminal):
    """pkttyagent for one process."""

    def __init__(self, user, pid):
        ready, notify = os.pipe()
        os.set_inheritable(notify, True)
        super().__init__(user, 'pkttyagent', '--process', str(pid), '--notify-fd', str(notify))
        os.close(notify)
        with os.fdopen(ready, 'rb') as f:
            if not select.select([f], [], [], 20)[0]:
                raise AssertionError(f'the agent did not register: {self.seen}')


class AskedCall:
    """A call by busctl that waits for a newline first, so that the agent can be registered for that very process."""

    def __init__(self, user, *args):
        command = bus.command(*args, interactive=True)
        self.process = subprocess.Popen(bus.as_user(user, 'sh', '-c', 'read go; exec "$@"', 'sh', *command), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, 'SYSTEMD_LOG_LEVEL': 'debug'})
        self.wait_shell()
        self.terminal = Agent(user, self.process.pid)

    def wait_shell(self):
        """setpriv keeps the pid but becomes the user and the shell only a moment later: polkit compares users."""
        wait_for(lambda: os.readlink(f'/proc/{self.process.pid}/exe').endswith('sh'), 'the caller to become a shell')

    def go(self):
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        return self

    def answer(self):
        return bus.finish(self.process)

    def close(self):
        self.terminal.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

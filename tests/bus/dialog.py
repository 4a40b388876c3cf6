"""Somebody at a terminal: a call that may ask for a password, and pkttyagent on a pseudo terminal that asks for it."""
import os
import pty
import re
import select
import subprocess
import termios
import time

import bus
from machine import wait_for


class Terminal:
    """pkttyagent for one process, as one user, on a terminal of its own."""

    def __init__(self, user, pid):
        ready, notify = os.pipe()
        os.set_inheritable(notify, True)
        self.seen = ''
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp('setpriv', bus.as_user(user, 'pkttyagent', '--process', str(pid), '--notify-fd', str(notify)))
        os.close(notify)
        with os.fdopen(ready, 'rb') as f:
            if not select.select([f], [], [], 20)[0]:
                raise AssertionError(f'the agent did not register: {self.seen}')

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
                raise AssertionError(f'the agent ended; it showed {self.seen!r}') from None

    def password(self, text):
        """The agent throws away what was typed before it switched the echo off, which it does after it has asked."""
        self.wait_for('Password:')
        wait_for(lambda: not termios.tcgetattr(self.fd)[3] & termios.ECHO, 'the terminal not to show what is typed')
        os.write(self.fd, text.encode() + b'\n')

    def close(self):
        try:
            os.kill(self.pid, 15)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class AskedCall:
    """A call by busctl that waits for a newline first, so that the agent can be registered for that very process."""

    def __init__(self, user, *args):
        command = bus.command(*args, interactive=True)
        self.process = subprocess.Popen(bus.as_user(user, 'sh', '-c', 'read go; exec "$@"', 'sh', *command), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, 'SYSTEMD_LOG_LEVEL': 'debug'})
        self.wait_shell()
        self.terminal = Terminal(user, self.process.pid)

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

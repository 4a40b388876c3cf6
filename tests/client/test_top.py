"""top, in a pipe and on a terminal where somebody types."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import ctl


class Batch(ctl.BusCase):
    def test_once_into_a_pipe(self):
        lines = [line.split() for line in self.ok('top').splitlines()]
        self.assertEqual(lines, [['CLASS', 'TASKS', '%CPU', 'MEMORY', 'INPUT/S', 'OUTPUT/S'], ['web', '9', '-', '3.0G', '-', '-']])

    def test_rates(self):
        text = self.ok('top', '-n2', '-d', '0.2')
        first, second = text.split('\n\n')
        name, tasks, cpu, memory, read, written = second.splitlines()[1].split()
        self.assertEqual((name, tasks, memory, written), ('web', '9', '3.0G', '0B'))
        self.assertGreater(float(cpu), 1)  # half a second of CPU since the look before, however late this one came
        self.assertRegex(read, r'^[0-9.]+[BKM]$')
        raw = self.ok('top', '--iterations=2', '--delay=0.1', '--raw').split('\n\n')[1].splitlines()[1].split()
        self.assertEqual(raw[3], '3221225472')

    def test_tasks_that_nobody_counts(self):
        """A class outside the pids hierarchy: its processes are known."""
        self.end_service()
        self.start_service(PCLASS_TEST_CLASS='free')
        self.assertEqual(self.ok('top', '--no-legend').split(), ['free', '3', '-', '3.0G', '-', '-'])
        self.assertEqual(self.ok('top', '--no-legend', '--order=tasks').split()[:2], ['free', '3'])

    def test_no_legend(self):
        self.assertEqual(self.ok('top', '--no-legend').split(), ['web', '9', '-', '3.0G', '-', '-'])

    def test_json(self):
        lines = self.ok('top', '-n', '2', '-d', '0.1', '--json=short').splitlines()
        self.assertEqual(lines[0], '[{"Name":"web","Tasks":9,"MemoryBytes":3221225472}]')
        self.assertIn('"CPUPercent":', lines[1])
        self.assertEqual(len(lines), 2)

    def test_usage(self):
        for args in (('-n', '0'), ('-n', 'x'), ('-d', '0'), ('-d', 'nan'), ('-d', '1s'), ('-d', '3601'), ('--order=size',), ('more',)):
            with self.subTest(args=args):
                self.fails(ctl.USAGE, 'top', *args)

    def test_service_is_not_there(self):
        self.end_service()
        self.assertIn('not running', self.fails(ctl.NOT_RUNNING, 'top'))


class Terminal(ctl.BusCase):
    def size(self, columns):
        """As somebody who draws the window larger or smaller."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))

    def start(self, *args, columns=80):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            subprocess.run(['stty', 'cols', str(columns), 'rows', '24'], check=True)
            os.execve(ctl.program('client/pclassctl'), ['pclassctl', 'top', *args],
                      {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'TERM': 'xterm', 'NO_COLOR': '1', 'DBUS_SYSTEM_BUS_ADDRESS': self.bus})
        self.addCleanup(os.close, self.fd)
        self.seen = ''

    def frame(self, seconds=ctl.WAIT):
        """The next whole frame: what stands behind a clearing of the screen, up to the class's line."""
        pattern = re.compile(r'\x1b\[H\x1b\[J\x1b\[\?7l(CLASS.*?\n *web.*?\n)\x1b\[\?7h', re.S)
        deadline = time.monotonic() + seconds
        while True:
            found = pattern.search(self.seen)
            if found:
                self.seen = self.seen[found.end():]
                return found[1]
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            self.seen += os.read(self.fd, 65536).decode()

    def ended(self):
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def test_draws_again_and_ends_by_a_key(self):
        self.start('-d', '0.1')
        self.assertIn(' - ', self.frame())
        self.assertRegex(self.frame(), r'web +9 +[0-9]')
        os.write(self.fd, b'q')
        self.assertEqual(self.ended(), 0)

    def test_any_key_looks_at_once(self):
        self.start('-d', '3600')
        self.frame()
        for key in (b' ', b'm', b'+'):
            os.write(self.fd, key)
            self.assertIsNotNone(self.frame(), key)
        self.assertIsNone(self.frame(0.3))
        os.kill(self.pid, signal.SIGINT)
        self.assertEqual(self.ended(), 0)

    def test_window_of_another_size(self):
        """It is drawn anew at once, as wide as the window is now; what is wider is cut by the terminal, for a line that wraps moves all others."""
        self.end_service()
        self.start_service(PCLASS_TEST_CLASS='web/with-a-name-that-a-small-window-has-no-room-for')
        self.start('-d', '3600', columns=100)
        self.assertIn('room-for ', self.frame())
        self.size(60)
        smaller = self.frame()
        self.assertIn('…', smaller)
        self.assertLessEqual(max(map(len, smaller.splitlines())), 60)
        self.size(100)
        self.assertIn('room-for ', self.frame())
        self.assertIsNone(self.frame(0.3))
        os.kill(self.pid, signal.SIGTERM)
        self.assertEqual(self.ended(), 0)

    def test_iterations(self):
        self.start('-n', '2', '-d', '0.1')
        self.frame(), self.frame()
        self.assertEqual(self.ended(), 0)

    def test_batch_does_not_clear(self):
        self.start('-b', '-n1')
        text = os.read(self.fd, 65536).decode()
        self.assertNotIn('\x1b', text)
        self.assertEqual(self.ended(), 0)

    def test_terminal_is_as_it_was(self):
        outer, inner = pty.openpty()
        before = subprocess.run(['stty', '-g'], stdin=inner, capture_output=True, check=True).stdout
        with subprocess.Popen([ctl.program('client/pclassctl'), 'top', '-d', '3600'], stdin=inner, stdout=inner,
                              env={'PATH': os.environ['PATH'], 'TERM': 'xterm', 'DBUS_SYSTEM_BUS_ADDRESS': self.bus}) as p:
            os.read(outer, 65536)
            self.assertNotEqual(subprocess.run(['stty', '-g'], stdin=inner, capture_output=True, check=True).stdout, before)
            p.send_signal(signal.SIGTERM)
        self.assertEqual(subprocess.run(['stty', '-g'], stdin=inner, capture_output=True, check=True).stdout, before)
        os.close(inner)
        os.close(outer)

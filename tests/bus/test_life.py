"""The service and the bus outlive each other. Last in order of name but one: it ends the bus of the rig and starts another."""
import os
import signal
import socket
import subprocess
import time

import bus
from bus import Case
from machine import wait_for
from service import Service

SOCKET = '/run/dbus/system_bus_socket'


class Notifications:
    """The socket of a service manager."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(20)
        self.path = path

    def next(self):
        while True:
            told = dict(line.split('=', 1) for line in self.socket.recv(4096).decode().splitlines())
            if set(told) != {'ERRNO'}:  # a busctl that failed while the service was coming says so here too
                return told

    def close(self):
        self.socket.close()
        os.unlink(self.path)


class Life(Case):
    def test_service_manager_is_told(self):
        """READY once, then a status and the watchdog fed with every heartbeat that came through the kernel."""
        self.service.stop()
        told = Notifications('/run/pclass-notify')
        os.environ.update(NOTIFY_SOCKET=told.path, WATCHDOG_USEC='30000000')
        try:
            self.service.start()
            first, later = told.next(), [told.next() for _ in range(3)]
            broker = self.service.daemons()['broker']
            os.kill(broker, signal.SIGSTOP)
            try:
                wait_for(lambda: self.service.state() == 'degraded', 'the silence to be noticed')
                time.sleep(1)  # another heartbeat
            finally:
                os.kill(broker, signal.SIGCONT)
            wait_for(lambda: ', degraded: ' in told.next()['STATUS'], 'the status line to say what the state is')
        finally:
            del os.environ['NOTIFY_SOCKET'], os.environ['WATCHDOG_USEC']
            self.service.restart()
            told.close()
        self.assertEqual(first['READY'], '1')
        self.assertTrue(all('READY' not in n for n in later))
        self.assertIn('1', [n.get('WATCHDOG') for n in later])
        self.assertTrue(later[-1]['STATUS'])

    def test_name_that_is_somebody_elses(self):
        """It is said, waited for, and ours when it gets free."""
        second = Service(classes='[Class web]\n')
        try:
            second.start_only()
            wait_for(lambda: 'Another process has the name org.pclass' in second.log(), second.log)
            self.assertNotIn('On the system bus', second.log())
            bus.stop_service()
            wait_for(lambda: 'On the system bus as org.pclass' in second.log(), second.log)
            second.wait_running()
        finally:
            second.destroy()
            self.service = bus.service()

    def start_bus(self):
        log = open('/run/dbus-again.log', 'w', encoding='utf-8')
        with log:
            subprocess.Popen([os.environ['PCLASS_SOURCE'] + '/tests/lib/rig.sh', 'bus', ''], stdout=log, stderr=log)

    def test_bus_goes_and_comes_back(self):
        self.assertOk(bus.add('kept'))
        daemons = self.service.daemons()
        fd = os.pidfd_open(bus.bus_call('GetConnectionUnixProcessID', 's', 'org.freedesktop.DBus'))
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)
        wait_for(lambda: self.service.state() is None, 'the bus to end')
        if os.path.exists(SOCKET):
            os.unlink(SOCKET)
        self.start_bus()
        wait_for(lambda: self.service.state() == 'running', 'the service to be on the new bus')
        self.assertEqual(self.service.daemons(), daemons)
        self.assertIn('kept', bus.rules())
        self.assertOk(bus.add('again', user='alice'))

    def test_rules_survive_the_service(self):
        self.assertOk(bus.add('second'))
        self.assertOk(bus.add('first', 'before', 's', 'second'))
        self.assertOk(bus.call(bus.rules()['second']['Path'], 'Rule', 'SetEnabled', 'ba{sv}', 'false', 0))
        before = {n: (r['Text'], r['Position'], r['Enabled']) for n, r in bus.rules().items()}
        self.service.restart()
        self.assertEqual({n: (r['Text'], r['Position'], r['Enabled']) for n, r in bus.rules().items()}, before)

    def test_mode_survives_the_service(self):
        self.addCleanup(lambda: self.assertOk(bus.call('/Status', 'Status', 'SetMode', 's', 'enforce')))
        self.assertOk(bus.call('/Status', 'Status', 'SetMode', 's', 'observe', user='alice'))
        self.service.restart()
        self.assertEqual(self.service.get('/Status', 'Status', 'Mode'), 'observe')

"""The service and the bus outlive each other. Last in order of name but one: it ends the bus of the rig and starts another."""
import os
import signal
import subprocess

import bus
from bus import Case
from machine import wait_for

SOCKET = '/run/dbus/system_bus_socket'


class Life(Case):
    def start_bus(self):
        log = open('/run/dbus-again.log', 'w', encoding='utf-8')
        with log:
            subprocess.Popen(['dbus-daemon', '--system', '--nofork', '--nopidfile', '--nosyslog'], stderr=log)

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

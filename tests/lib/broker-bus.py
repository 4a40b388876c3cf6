"""dbus-broker as the system bus of a rig, which has no systemd: this takes the parts of it that dbus-broker-launch wants.

usage: broker-bus.py ACTIVATOR     (ACTIVATOR: the helper that starts units which the bus asks for)
Listens on the standard socket and hands that over, has a journal that ends up on standard error, and runs until the bus has ended."""
import ctypes
import os
import re
import socket
import subprocess
import sys
import threading

SOCKET = '/run/dbus/system_bus_socket'
JOURNAL = '/run/systemd/journal/socket'


def listen():
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.bind(SOCKET)
    os.chmod(SOCKET, 0o666)
    s.listen(128)
    return s


def journal():
    """What is logged, as text; a message too long for a datagram comes as a memory file, which nobody here needs."""
    os.makedirs(os.path.dirname(JOURNAL), exist_ok=True)
    if os.path.exists(JOURNAL):
        os.unlink(JOURNAL)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(JOURNAL)

    def read():
        while True:
            for line in re.findall(rb'^MESSAGE=(.*)$', s.recv(65536), re.M):
                print(line.decode(errors='replace'), file=sys.stderr, flush=True)

    threading.Thread(target=read, daemon=True).start()


def launch(listener):
    def child():
        os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
        os.dup2(listener.fileno(), 3)
        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG: who ends this ends the bus, as with dbus-daemon

    return subprocess.Popen(['dbus-broker-launch', '--scope', 'system'], preexec_fn=child, pass_fds=[3], stdin=subprocess.DEVNULL)


with listen() as bus_socket:
    journal()
    bus = launch(bus_socket)
activator = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE)
status = bus.wait()
activator.stdin.close()
activator.wait()
sys.exit(status if status >= 0 else 128 - status)

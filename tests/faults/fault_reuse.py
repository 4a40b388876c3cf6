"""Numbers that change hands between the look and the write, by the hundred. The service and the processes live in a pid namespace of their own:
nobody else can get a number that the test lets go, and the service can reach nobody else. There is no connector in there: every judgement is a
pass that the test asks for, which makes the moment known."""
import os
import random
import signal
import socket
import struct
import subprocess
import time

import machine
from faults import LOAD, FaultCase, Stopped, much
from figures import SEED, seen
from machine import wait_for
from service import Service

FIRST, COUNT = 1000, 250  # the numbers
NETLINK_CONNECTOR, NLMSG_DONE, CN_IDX_PROC, CN_VAL_PROC, PROC_CN_MCAST_LISTEN = 11, 3, 1, 1, 1
SO_RCVBUFFORCE = 33


class Inside(Service):
    """The service in the pid namespace of `init`."""
    init = None

    def leads(self, pid):
        """What was started is nsenter, which waits outside for its child."""
        with open(f'/proc/{self.process.pid}/task/{self.process.pid}/children', encoding='ascii') as f:
            return str(pid) in f.read().split()

    def tell_to_end(self):
        os.kill(self.daemons()['broker'], signal.SIGTERM)
        self.process.send_signal(signal.SIGCONT)  # nsenter stops itself whenever what it waits for is stopped


class Reuse(FaultCase):
    RULES = 'victim: comm=ptvictim {home} => a\ntwo: comm=pt2 {home} => b\n'
    WITHOUT = ''
    CONFIG = {'HeartbeatSec': '8'}  # without a connector there is a pass for each
    START = False

    def new_service(self):
        s = super().new_service(Inside)
        s.expected = 'degraded'
        return s

    def setUp(self):
        super().setUp()
        self.slots = self.spawn('--pid', '--fork', '--kill-child', '--mount', '--mount-proc', LOAD, 'slots', FIRST, COUNT, path='/usr/bin/unshare')
        self.assertEqual(self.slots.line(), 'ready')
        with open(f'/proc/{self.slots.pid}/task/{self.slots.pid}/children', encoding='ascii') as f:
            init = f.read().split()[0]
        self.service.wrapper = ['nsenter', f'--target={init}', '--pid', '--mount']
        self.service.start()

    def make(self, odd, even):
        """Whoever has the numbers ends; they are given to processes of these names."""
        self.slots.process.stdin.write(f'{odd} {even}\n'.encode())
        self.slots.process.stdin.flush()
        self.assertEqual(self.slots.number('made'), COUNT)

    def look(self):
        """A pass over all processes, not waited for."""
        return subprocess.Popen(['busctl', '--timeout=60', 'call', 'org.pclass', '/Status', 'org.pclass.Status', 'Reclassify', 'a{sv}', '0'], stdout=subprocess.DEVNULL)

    def await_requests(self):
        """All of them, or those that a pass saw which was under way already: it does not end before it has its answers."""
        last = 0
        while (n := wait_for(lambda: self.counter('broker_pending'), 'requests to be under way')) < COUNT and n != last:
            last = n
            time.sleep(0.2)  # nothing tells that no more will come

    def names_in(self, cgroup):
        """{name: how many} of the numbered ones there."""
        names = {}
        for pid in machine.members(cgroup):
            with open(f'/proc/{pid}/comm', encoding='utf-8') as f:
                name = f.read().strip()
            names[name] = names.get(name, 0) + 1
        return {k: v for k, v in names.items() if k.startswith('pt')}

    def round(self, rng, certain):
        """With certain hits, or a race."""
        self.make('ptvictim', 'ptvictim')
        if certain:
            with Stopped(self.daemon('broker')):
                look = self.look()
                self.await_requests()
                self.make('ptnobody', 'pt2')
        else:
            look = self.look()
            time.sleep(rng.random() * 0.03)  # the race itself
            self.make('ptnobody', 'pt2')
        self.assertEqual(look.wait(60), 0)
        self.settle()
        self.settle()  # who was put back by the first was looked at again by the second
        a, b, home = (self.names_in(c) for c in (self.class_path('a'), self.class_path('b'), self.service.home))
        self.undetected += sum(a.values()) + b.get('ptnobody', 0)
        self.assertEqual((a, b, home), ({}, {'pt2': COUNT // 2}, {'ptnobody': COUNT - COUNT // 2}))

    def test_events_of_the_machine_are_not_heard(self):
        """They come as soon as anybody on the machine asks for them, with numbers that are other processes' in here."""
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_CONNECTOR) as s:
            s.settimeout(30)
            s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            s.bind((0, CN_IDX_PROC))
            s.send(struct.pack('=IHHII IIIIHH I', 40, NLMSG_DONE, 0, 0, 0, CN_IDX_PROC, CN_VAL_PROC, 0, 0, 4, 0, PROC_CN_MCAST_LISTEN))
            for _ in range(20):
                subprocess.run(['true'], check=True)
                s.recv(4096)
            self.settle()
        self.assertEqual([self.counter(f'events_{k}') for k in ('fork', 'exec', 'exit')], [0, 0, 0])
        self.assertNotIn('connector', self.service.get('/Status', 'Status', 'Features'))

    def test_numbers_change_hands(self):
        rng = random.Random(SEED)
        self.undetected = 0
        target = much(5000, 100000)
        certain = True
        while self.counter('moves_requested') < target:
            self.round(rng, certain)
            certain = not certain  # half of them, however the races end
        hit, returned = self.counter('strangers_hit'), self.counter('strangers_returned')
        seen('reuse', writes=self.counter('moves_requested'), slots=COUNT, hit=hit, returned=returned, ruled=hit - returned, undetected=self.undetected)
        self.assertGreaterEqual(hit, returned)
        self.assertGreater(returned, target // 20)

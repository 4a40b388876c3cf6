"""Signals as cgrulesengd takes them, and the socket that libcgroup's own cgexec and cgclassify speak to."""
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
import unittest

import machine
from case import Case, program
from machine import place, wait_for
from service import RIG

SOCKET = '/run/cgred.socket'  # of the rig's own /run
ANSWER = b'SUCCESS_STORE_PID\0'


class Signals(Case):
    CLASSES = '[Class a]\n[Class b]\n[Class t/%U]\nTasksMax=10\n'
    RULES = 'one: comm=pta {home} => a\nall: uid=61200-61299 {home} => t/%U\n'

    def test_reload(self):
        for number, target in ((signal.SIGHUP, 'b'), (signal.SIGUSR2, 'a')):
            self.service.write_rules(f'marker: comm=ptmarker {{home}} => marker\none: comm=pta {{home}} => {target}\n')
            generation = self.service.get('/Rules', 'Rules', 'Generation')
            self.service.process.send_signal(number)
            wait_for(lambda: self.service.get('/Rules', 'Rules', 'Generation') > generation, 'the rules to be read')
            self.await_class(self.spawn(path=program('pta')).pid, target)
            self.assertIsNone(self.service.process.poll())

    def test_wrong_rules_change_nothing(self):
        self.service.write_rules('nonsense', unchecked=True)
        self.service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: '50-test.rules:1:' in self.service.log(), 'the error to be told')
        self.await_class(self.spawn(path=program('pta')).pid, 'a')

    def test_templates(self):
        pid = self.service.process.pid
        first = self.as_user(61240)
        self.await_class(first.pid, 't/61240')
        self.service.write_classes('[Class marker]\n[Class a]\n[Class b]\n[Class t/%U]\nTasksMax=20\n')
        self.service.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: '1 templates were read again' in self.service.log(), 'the templates to be read')
        second = self.as_user(61241)
        self.await_class(second.pid, 't/61241')
        with open(machine.hierarchy_of('pids').path(self.class_path('t/61241'), 'pids.max'), encoding='utf-8') as f:
            self.assertEqual(f.read().strip(), '20')
        self.assertEqual((self.service.process.poll(), self.service.process.pid), (None, pid))

    def test_every_process_of_the_service(self):
        """systemctl kill sends them to all; none of them ends by it."""
        before = self.service.daemons()
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            for pid in self.service.daemons().values():
                os.kill(pid, number)
        self.await_class(self.spawn(path=program('pta')).pid, 'a')
        self.assertEqual(self.service.daemons(), before)


@unittest.skipUnless(shutil.which('cgexec') and shutil.which('cgclassify'), 'cgroup-tools are not installed')
class Socket(Case):
    CLASSES = '[Class a]\n'
    RULES = 'one: comm=sleep {home} => a\ntwo: comm=pta {home} => a\n'
    CONFIG = {'CgredSocket': 'yes'}

    def setUp(self):
        super().setUp()
        self.other = f'{RIG}/other-{self.service.id}'
        os.makedirs(machine.hierarchy_of('cpu').path(self.other), exist_ok=True)
        self.addCleanup(machine.remove_cgroup, self.other)

    def ask(self, pid, flags, user=None):
        """What the socket answers to one request, of root or of that user."""
        code = ('import os,socket,struct,sys\n'
                'if sys.argv[3]: os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[3]))\n'
                's=socket.socket(socket.AF_UNIX); s.connect(sys.argv[4]); s.sendall(struct.pack("ii",int(sys.argv[1]),int(sys.argv[2])))\n'
                'sys.stdout.buffer.write(s.recv(100))')
        return subprocess.run(['python3', '-c', code, str(pid), str(flags), str(user or ''), SOCKET], stdout=subprocess.PIPE, check=True).stdout

    def run_tool(self, *command):
        p = subprocess.Popen(command, preexec_fn=lambda: machine.enter(self.service.home), cwd='/', stdin=subprocess.DEVNULL)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        return p

    def test_cgexec_stays_where_it_was_put(self):
        p = self.run_tool('cgexec', '--sticky', '-g', f'cpu:{self.other[1:]}', 'sleep', '300')
        wait_for(lambda: place(p.pid, 'cpu') == self.other, lambda: self.where(p.pid))
        self.assert_home(p.pid)
        self.assertEqual(place(p.pid, 'cpu'), self.other)

    def classify(self, pid, *options):
        subprocess.run(['cgclassify', *options, '-g', f'cpu:{self.other[1:]}', str(pid)], check=True, stdin=subprocess.DEVNULL)

    def test_cgclassify(self):
        a = self.spawn('wait', 'exec', program('pta'), 'say', 'one', 'wait', 'fork', 'exec', program('pta'), 'END')
        self.classify(a.pid, '--sticky')
        a.go()
        self.assertEqual(a.line(), 'one')
        a.go()
        child = a.child()
        for pid in (a.pid, child):
            self.addCleanup(os.kill, pid, signal.SIGKILL)
            self.assert_home(pid)
            self.assertEqual(place(pid, 'cpu'), self.other)
        why = self.service.explain(a.pid)
        self.assertEqual((why['Holder'], why['Rule']), ('pin', 'two'))
        self.assertEqual(why['HolderDetail'], 'registered by user 0 on the socket for cgexec and cgclassify')
        for pid in (a.pid, child):
            self.classify(pid, '--cancel-sticky')
            self.await_class(pid, 'a')

    def test_the_plan_knows_who_is_registered(self):
        a = self.as_user(61251, 'wait', 'exec', program('pta'), 'say', 'done')
        self.assertEqual(self.ask(a.pid, 0, 61251), ANSWER)
        a.go()
        self.assertEqual(a.line(), 'done')
        rows = [r for r in self.service.plan() if r['PID'] == a.pid]
        self.assertEqual([(r['Holder'], r['HolderDetail']) for r in rows],
                         [('pin', 'registered by user 61251 on the socket for cgexec and cgclassify')])

    def test_children_only_when_asked(self):
        for flags, inside in ((0, True), (1, False)):
            a = self.spawn('exec', program('ptnone'), 'wait', 'fork', 'exec', program('pta'), 'END')
            self.assertEqual(self.ask(a.pid, flags), ANSWER)
            a.go()
            child = a.child()
            if inside:
                self.await_class(child, 'a')
            else:
                self.assert_home(child)

    def test_cancelled(self):
        a = self.spawn('wait', 'exec', program('pta'), 'say', 'done')
        self.assertEqual(self.ask(a.pid, 0), ANSWER)
        a.go()
        self.assertEqual(a.line(), 'done')
        self.assert_home(a.pid)
        self.assertEqual(self.ask(a.pid, 2), ANSWER)
        self.await_class(a.pid, 'a')

    def test_only_their_own(self):
        roots, own = self.spawn(), self.as_user(61250)
        self.assertEqual(self.ask(roots.pid, 0, 61250), b'')
        self.assertEqual(self.ask(own.pid, 0, 61250), ANSWER)
        self.assertEqual(self.ask(1, 0), b'')
        self.assertEqual(self.ask(own.pid, 8, 61250), b'')

    def test_silent_clients_stall_nothing(self):
        silent = []
        for _ in range(80):
            s = socket.socket(socket.AF_UNIX)
            s.setblocking(False)
            try:
                s.connect(SOCKET)
            except BlockingIOError:
                pass
            silent.append(s)
        began = time.monotonic()
        self.await_class(self.spawn(path=program('pta')).pid, 'a')
        self.assertLess(time.monotonic() - began, 5)
        a = self.spawn()
        wait_for(lambda: self.ask(a.pid, 0) == ANSWER, 'an answer')  # their time is up after two seconds
        for s in silent:
            s.close()
        half = socket.socket(socket.AF_UNIX)
        half.connect(SOCKET)
        half.sendall(struct.pack('i', a.pid))
        half.settimeout(10)
        self.assertEqual(half.recv(10), b'')
        half.close()

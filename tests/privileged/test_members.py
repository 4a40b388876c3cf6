"""Nice, OOMScoreAdjust and LimitNOFILE of members: read from the processes themselves."""
import contextlib
import os
import subprocess
import threading

import machine
from case import Case, program
from machine import wait_for

with open('/proc/self/status', encoding='utf-8') as status:
    CAPABILITIES = int(next(line for line in status if line.startswith('CapEff')).split()[1], 16)
MAY_RAISE = bool(CAPABILITIES & 1 << 24)  # CAP_SYS_RESOURCE


def nices(pid):
    """Of every thread."""
    return {os.getpriority(os.PRIO_PROCESS, int(t)) for t in os.listdir(f'/proc/{pid}/task')}


def score(pid):
    with open(f'/proc/{pid}/oom_score_adj', encoding='utf-8') as f:
        return int(f.read())


def files(pid):
    with open(f'/proc/{pid}/limits', encoding='utf-8') as f:
        line = next(x for x in f if x.startswith('Max open files'))
    return tuple(int(n) for n in line.split()[3:5])


class Members(Case):
    CLASSES = '[Class low]\nNice=7\nOOMScoreAdjust=321\nLimitNOFILE=333:444\n[Class plain]\n[Class users/%u]\nNice=4\n'
    ROUNDS = 10
    RULES = 'low: comm=ptlow {home} => low\nplain: comm=ptplain {home} => plain\nuser: user=ptest1 {home} => users/%u\n'

    def notes(self, name):
        listed = next(c for c in self.service.call('/Classes', 'Classes', 'List', 'a{sv}', 0) if c['Name'] == name)
        return {p['Name']: (p['Supported'], p['Text']) for p in listed['Properties']}

    def test_set_when_a_process_comes(self):
        a = self.spawn(path=program('ptlow'))
        self.await_class(a.pid, 'low')
        self.assertEqual((nices(a.pid), score(a.pid), files(a.pid)), ({7}, 321, (333, 444)))

    def test_process_of_a_user(self):
        a = self.as_user(61202, 'wait', 'exec', program('ptlow'))
        before = files(a.pid)
        a.go()
        self.await_class(a.pid, 'low')
        self.assertEqual((nices(a.pid), score(a.pid)), ({7}, 321))
        self.assertEqual(files(a.pid), (333, 444) if MAY_RAISE else before)

    def test_every_thread(self):
        self.service.write_rules('low: comm=ptmany {home} => low\nmarker: comm=ptmarker {home} => marker\n')
        a = self.spawn(*['thread'] * 3, 'wait', path=program('ptmany'))
        wait_for(lambda: len(os.listdir(f'/proc/{a.pid}/task')) == 4, 'its threads')
        self.assertEqual(nices(a.pid), {os.getpriority(os.PRIO_PROCESS, 0)})
        self.service.reload()
        self.await_class(a.pid, 'low')
        self.assertEqual(nices(a.pid), {7})

    def test_children_have_what_the_parent_has(self):
        n = 30
        a = self.spawn('exec', program('ptlow'), 'wait', *['fork', 'exec', program('ptnone'), 'END'] * n)
        self.await_class(a.pid, 'low')
        a.go()
        for pid in [a.child() for _ in range(n)] + [a.pid]:
            self.await_class(pid, 'low')
            self.assertEqual((nices(pid), score(pid)), ({7}, 321))

    def test_forks_that_are_under_way(self):
        """Each child copies much memory, so that one is always about to be born while its parent is moved."""
        with self.writes():
            for _ in range(self.ROUNDS):
                a = self.spawn('fill', 96, 'wait', 'comm', 'ptlow', *['fork', 'END'] * 12)
                a.go()
                pids = [a.child() for _ in range(12)] + [a.pid]
                for pid in pids:
                    self.await_class(pid, 'low')
                self.fence()
                self.assertEqual([(pid, nices(pid), score(pid)) for pid in pids if (nices(pid), score(pid)) != ({7}, 321)], [])
                for pid in pids:
                    self.kill(pid)

    @contextlib.contextmanager
    def writes(self):
        """Moves without a break, which make none wait for the kernel: those of the service take microseconds then."""
        ended = threading.Event()
        p = subprocess.Popen(['sleep', '1000'])

        def write():
            while not ended.is_set():
                with open(machine.UNIFIED.path(self.service.home, 'cgroup.procs'), 'w', encoding='utf-8') as f:
                    f.write(str(p.pid))

        t = threading.Thread(target=write)
        t.start()
        try:
            yield
        finally:
            ended.set()
            t.join()
            p.kill()
            p.wait()

    def test_members_keep_it_when_they_leave(self):
        a = self.spawn('exec', program('ptlow'), 'wait', 'exec', program('ptplain'))
        self.await_class(a.pid, 'low')
        a.go()
        self.await_class(a.pid, 'plain')
        self.assertEqual((nices(a.pid), score(a.pid), files(a.pid)), ({7}, 321, (333, 444)))

    def test_present_members_when_the_value_changes(self):
        a = self.spawn(path=program('ptlow'))
        self.await_class(a.pid, 'low')
        self.service.write_classes('[Class low]\nNice=9\nOOMScoreAdjust=400\nLimitNOFILE=222\n[Class plain]\n[Class users/%u]\n[Class marker]\n')
        self.service.restart()
        self.assertEqual((nices(a.pid), score(a.pid), files(a.pid)), ({9}, 400, (222, 222)))

    def test_instances_have_the_values_of_the_template(self):
        a = self.as_user(61201)
        self.await_class(a.pid, 'users/ptest1')
        self.assertEqual(nices(a.pid), {4})
        self.assertEqual(self.notes('users/ptest1'), {'Nice': (True, '4')})

    def test_told_what_is_in_force(self):
        notes = self.notes('low')
        self.assertEqual((notes['Nice'], notes['OOMScoreAdjust']), ((True, '7'), (True, '321')))
        self.assertEqual(notes['LimitNOFILE'][0], MAY_RAISE)
        if not MAY_RAISE:
            self.assertIn('CAP_SYS_RESOURCE', notes['LimitNOFILE'][1])
        capabilities = self.service.get('/Status', 'Status', 'BrokerCapabilities')
        self.assertIn('sys_nice', capabilities)
        self.assertEqual('sys_resource' in capabilities, MAY_RAISE)

    def test_helper_is_closed_in(self):
        helper = next(p for p in machine.members(self.service.cgroup) if self.comm(p) == 'pclass-members')
        with open(f'/proc/{helper}/status', encoding='utf-8') as f:
            text = dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
        wanted = (1 << 7 | 1 << 23 | 1 << 24) & CAPABILITIES  # SETUID, SYS_NICE, SYS_RESOURCE
        self.assertEqual((int(text['CapEff'], 16), text['Seccomp'], text['NoNewPrivs']), (wanted, '2', '1'))

    def comm(self, pid):
        with open(f'/proc/{pid}/comm', encoding='utf-8') as f:
            return f.read().strip()

    def test_helper_that_ends_is_started_again(self):
        helper = next(p for p in machine.members(self.service.cgroup) if self.comm(p) == 'pclass-members')
        self.kill(helper)
        wait_for(lambda: self.service.process.poll() is not None, 'the service to end')
        self.service.start()
        a = self.spawn(path=program('ptlow'))
        self.await_class(a.pid, 'low')
        self.assertEqual(nices(a.pid), {7})


class Refused(Case):
    CLASSES = '[Class high]\nOOMScoreAdjust=-500\nNice=3\n'
    RULES = 'high: comm=pthigh {home} => high\n'

    def test_lowering_the_score_needs_a_capability(self):
        a = self.spawn(path=program('pthigh'))
        self.await_class(a.pid, 'high')
        self.assertEqual(nices(a.pid), {3})
        listed = next(c for c in self.service.call('/Classes', 'Classes', 'List', 'a{sv}', 0) if c['Name'] == 'high')
        note = next(p for p in listed['Properties'] if p['Name'] == 'OOMScoreAdjust')
        if MAY_RAISE:
            self.assertEqual((score(a.pid), note['Supported']), (-500, True))
        else:
            self.assertEqual((score(a.pid), note['Supported']), (0, False))
            self.assertIn('CAP_SYS_RESOURCE', note['Text'])


class NotAsked(Case):
    CLASSES = '[Class plain]\n'

    def test_no_helper_without_need(self):
        names = []
        for p in machine.members(self.service.cgroup):
            with open(f'/proc/{p}/comm', encoding='utf-8') as f:
                names.append(f.read().strip())
        self.assertNotIn('pclass-members', names)
        self.assertEqual(self.service.get('/Status', 'Status', 'BrokerCapabilities'), [])

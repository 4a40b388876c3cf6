"""What makes a process what it is, each with the real kernel event behind it: exec, changes of ids, threads, forks."""
import os

from case import Case, program
from machine import place, wait_for

CLASSES = '[Class a]\n[Class b]\n[Class c]\n'
RULES = '''
bycomm:  comm=pta {home} => a
byuid:   uid=61210 {home} => b
byeuid:  uid=61211 {home} => c
bygid:   gid=61220 {home} => c
'''


class Exec(Case):
    CLASSES = CLASSES + '[Class script]\n[Class interpreter]\n'
    RULES = RULES + '''
scriptcomm: comm=ptscript {home} => script
scriptarg:  arg0=/bin/sh {home} => interpreter
'''

    def test_exec(self):
        a = self.spawn('wait', 'exec', program('pta'), 'say', 'new')
        self.assert_home(a.pid)
        a.go()
        self.assertEqual(a.line(), 'new')
        self.await_class(a.pid, 'a')
        self.assert_alive(a)

    def test_exec_of_something_else_changes_nothing(self):
        a = self.spawn('exec', program('ptnone'), 'say', 'new')
        self.assertEqual(a.line(), 'new')
        self.assert_home(a.pid)

    def test_a_later_exec_takes_it_to_another_class(self):
        a = self.as_user(61210, 'wait', 'exec', program('pta'))
        self.await_class(a.pid, 'b')
        a.go()
        self.await_class(a.pid, 'a')

    def script(self, name, first):
        path = f'{self.service.dir}/{name}'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f'{first}\necho here\nread line\n')
        os.chmod(path, 0o755)
        return path

    def test_script_by_its_own_name(self):
        a = self.spawn(path=self.script('ptscript', '#!/bin/sh'))
        self.assertEqual(a.line(), 'here')
        self.await_class(a.pid, 'script')

    def test_script_by_its_interpreter(self):
        a = self.spawn(path=self.script('ptother', '#!/bin/sh'))
        self.assertEqual(a.line(), 'here')
        self.await_class(a.pid, 'interpreter')


class Ids(Case):
    CLASSES, RULES = CLASSES, RULES

    def changes(self, name, *steps):
        a = self.spawn('wait', *steps)
        self.assert_home(a.pid)
        a.go()
        self.await_class(a.pid, name)
        self.assert_alive(a)

    def test_setuid(self):
        self.changes('b', 'uid', 61210)

    def test_seteuid(self):
        self.changes('c', 'euid', 61211)

    def test_setgid(self):
        self.changes('c', 'gid', 61220)

    def test_setegid(self):
        self.changes('c', 'egid', 61220)

    def test_seteuid_and_back_stays(self):
        """Without a rule that matches any more nothing moves it: it keeps its class."""
        a = self.spawn('euid', 61211, 'wait', 'euid', 0, 'say', 'back')
        self.await_class(a.pid, 'c')
        a.go()
        self.assertEqual(a.line(), 'back')
        self.fence()
        self.assertTrue(self.in_class(a.pid, 'c'), self.where(a.pid))


class Threads(Case):
    CLASSES, RULES = CLASSES, RULES

    def threads_together(self, pid, name):
        """Every thread is where the process is."""
        top = self.class_path(name)
        for tid in os.listdir(f'/proc/{pid}/task'):
            with open(f'/proc/{pid}/task/{tid}/cgroup', encoding='utf-8') as f:
                self.assertIn(f'0::{top}', f.read())

    def test_setuid_in_a_thread(self):
        a = self.spawn('thread', 'wait', 'thread-uid', 61210)
        self.assert_home(a.pid)
        a.go()
        self.assertEqual(a.number('thread-done'), 0)
        self.await_class(a.pid, 'b')
        self.threads_together(a.pid, 'b')
        self.assert_alive(a)

    def test_main_thread_has_ended(self):
        """The others are moved, and found where they are, though the kernel shows the main thread alone under the number of the process."""
        a = self.spawn('thread', 'end-main', path=program('ptnone'))
        self.addCleanup(self.kill, a.pid)
        tid = max(int(t) for t in wait_for(lambda: os.listdir(f'/proc/{a.pid}/task')[1:], 'a second thread') + os.listdir(f'/proc/{a.pid}/task'))
        with open(f'/proc/{a.pid}/stat', encoding='ascii') as f:
            wait_for(lambda: f.seek(0) == 0 and f.read().split()[2] == 'Z', 'the main thread to end')
        self.service.add_rule('late: comm=ptnone {home} => c')
        wait_for(lambda: place(f'{a.pid}/task/{tid}') == self.class_path('c'), lambda: f'the thread to be moved: {place(f"{a.pid}/task/{tid}")}')
        statement = self.service.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0)
        self.assertEqual((statement['Converged'], statement['Wrong'], statement['Moved']), (True, 0, 0), statement)
        self.service.remove_rule(next(r['Path'] for r in self.service.rules() if r['Name'] == 'late'))
        wait_for(lambda: place(f'{a.pid}/task/{tid}') == self.service.home, lambda: f'the thread to go home: {place(f"{a.pid}/task/{tid}")}')

    def test_exec_in_a_thread(self):
        """The thread takes over the pid of the process."""
        a = self.spawn('thread', 'thread', 'wait', 'thread-exec', program('pta'), 'pid', 'END')
        self.assert_home(a.pid)
        a.go()
        self.assertEqual(a.number('pid'), a.pid)
        self.await_class(a.pid, 'a')

    def test_threaded_process_is_moved_whole(self):
        a = self.spawn('thread', 'thread', 'thread', 'wait', 'uid', 61210)
        a.go()
        self.await_class(a.pid, 'b')
        self.threads_together(a.pid, 'b')


class Forks(Case):
    CLASSES, RULES = CLASSES, RULES

    def test_child_made_later_is_in_the_class(self):
        a = self.spawn('exec', program('pta'), 'wait', 'fork', 'comm', 'other', 'END')
        self.await_class(a.pid, 'a')
        a.go()
        child = a.child()
        self.assertTrue(self.in_class(child, 'a'), self.where(child))

    def test_children_of_a_process_that_was_just_executed(self):
        """They are forked before the move and match nothing themselves: they belong where their parent belongs."""
        for _ in range(5):
            n = 10
            a = self.spawn('exec', program('pta'), *['fork', 'exec', program('ptnone'), 'END'] * n)
            children = [a.child() for _ in range(n)]
            for pid in (a.pid, *children):
                self.await_class(pid, 'a')

    def test_double_fork(self):
        a = self.spawn('orphan', 'exec', program('pta'), 'END')
        self.await_class(a.child(), 'a')
        self.assert_home(a.pid)

    def test_double_fork_right_after_exec(self):
        for _ in range(10):
            a = self.spawn('exec', program('pta'), 'orphan', 'exec', program('ptnone'), 'END')
            orphan = a.child()
            self.await_class(a.pid, 'a')
            self.await_class(orphan, 'a')

    def test_chain_of_100_right_after_exec(self):
        a = self.spawn('exec', program('pta'), 'chain', 100)
        pids = [a.child() for _ in range(100)]
        wait_for(lambda: all(self.in_class(p, 'a') for p in pids),
                 lambda: f'{sum(not self.in_class(p, "a") for p in pids)} of 100 not in their class')

    def test_chain_whose_links_are_gone(self):
        """Only the last of 100 lives: every one before ended as soon as it had a child."""
        for _ in range(3):
            a = self.spawn('exec', program('pta'), 'chain-gone', 100)
            last = a.child()
            self.await_class(last, 'a')

    def test_chain_of_another_user(self):
        a = self.spawn('uid', 61210, 'chain', 50)
        pids = [a.child() for _ in range(50)]
        for pid in pids:
            self.await_class(pid, 'b')

    def test_parent_of_a_moved_child_stays(self):
        a = self.spawn('fork', 'uid', 61210, 'END')
        self.await_class(a.child(), 'b')
        self.assert_home(a.pid)

    def test_pid_is_followed_through_every_id_of_its_life(self):
        a = self.spawn('wait', 'egid', 61220, 'wait', 'egid', 0, 'euid', 61211, 'wait', 'euid', 0, 'uid', 61210, 'say', 'end')
        for name in ('c', 'c', 'b'):
            a.go()
            self.await_class(a.pid, name)
        self.assertEqual(a.line(), 'end')
        self.assertEqual(place(a.pid), self.class_path('b'))


class Origins(Case):
    """A child that was forked while its parent's move was under way came from where its parent came from."""
    CLASSES = CLASSES
    RULES = 'first: uid=61210 {home} => a\nsecond: uid=61210 {mine} => b\n'

    def test_children_know_their_origin_at_once(self):
        for _ in range(20):
            a = self.spawn('uid', 61210, 'chain', 150)
            pids = [a.pid] + [a.child() for _ in range(150)]
            wait_for(lambda: all(self.in_class(p, 'a') for p in pids),
                     lambda: f'{sum(self.in_class(p, "b") for p in pids)} of 151 taken by the second rule')
            for pid in pids[::30]:
                self.assertEqual(self.service.explain(pid).get('Rule'), 'first')
            for pid in pids:
                self.kill(pid)

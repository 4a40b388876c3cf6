"""Keys that need more than one look: real and login ids, sessions, scripts, and the class where a process was born."""
import os

from case import Case, program
from machine import place


def log_in(uid):
    """What pam_loginuid does."""
    with open('/proc/self/loginuid', 'w', encoding='ascii') as f:
        f.write(str(uid))


class Ids(Case):
    CLASSES = '[Class a]\n[Class b]\n[Class c]\n'
    RULES = 'real: ruid=61214 {home} => a\nlogin: loginuid=61215 {home} => b\nnever: !loginuid=61215 comm=ptlog {home} => c\n'

    def test_real_uid(self):
        real = self.spawn(before=lambda: os.setresuid(61214, 0, 0))
        effective = self.spawn(before=lambda: os.setresuid(0, 61214, 0))
        self.await_class(real.pid, 'a')
        self.assert_home(effective.pid)

    def test_who_logged_in_counts_whoever_it_is_now(self):
        a = self.spawn('wait', 'uid', 61216, 'exec', program('ptnone'), 'say', 'new', before=lambda: log_in(61215))
        self.await_class(a.pid, 'b')
        a.go()
        self.assertEqual(a.line(), 'new')
        self.fence()
        self.assertTrue(self.in_class(a.pid, 'b'), self.where(a.pid))

    def test_nobody_logged_in(self):
        """Neither the condition nor its negation holds."""
        a = self.spawn(path=program('ptlog'))
        self.assert_home(a.pid)
        fact = next(f for f in self.service.explain(a.pid)['Facts'] if f['Name'] == 'loginuid')
        self.assertFalse(fact.get('Value'))
        self.assertIn('nobody logged in', fact['Reason'])
        somebody = self.spawn(path=program('ptlog'), before=lambda: log_in(61217))
        self.await_class(somebody.pid, 'c')

    def test_session(self):
        a = self.spawn('fork', 'END', before=lambda: log_in(61218))
        child = a.child()
        other = self.spawn(before=lambda: log_in(61218))
        with open(f'/proc/{a.pid}/sessionid', encoding='ascii') as f:
            session = int(f.read())
        self.service.add_rule(f'session: session={session} {{home}} => a')
        for pid in (a.pid, child):
            self.assertTrue(self.in_class(pid, 'a'), self.where(pid))
        self.assert_home(other.pid)


class Scripts(Case):
    CLASSES = '[Class a]\n[Class b]\n'
    RULES = 'script: script=*/ptscript* {home} => a\nnative: script="" comm=pt* !comm=ptmarker {home} => b\n'

    def script(self, name, first='#!/bin/sh'):
        path = f'{self.service.dir}/{name}'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f'{first}\necho here\nread line\n')
        os.chmod(path, 0o755)
        return path

    def test_script_by_its_path(self):
        for first in ('#!/bin/sh', '#!/bin/sh -e', '#! /bin/bash'):
            with self.subTest(first=first):
                path = self.script('ptscript.sh', first)
                a = self.spawn(path=path, argv0='anything')
                self.assertEqual(a.line(), 'here')
                self.await_class(a.pid, 'a')
                fact = next(f for f in self.service.explain(a.pid)['Facts'] if f['Name'] == 'script')
                self.assertEqual(fact['Value'], path)

    def test_interpreter_started_by_env(self):
        """To the kernel that is env, and then another program without a script."""
        a = self.spawn(path=self.script('ptscript.sh', '#!/usr/bin/env sh'))
        self.assertEqual(a.line(), 'here')
        fact = next(f for f in self.service.explain(a.pid)['Facts'] if f['Name'] == 'script')
        self.assertEqual(fact.get('Value'), '')

    def test_name_longer_than_the_kernel_keeps(self):
        a = self.spawn(path=self.script('ptscript-of-a-long-name.sh'))
        self.assertEqual(a.line(), 'here')
        self.await_class(a.pid, 'a')

    def test_program_is_no_script(self):
        a = self.spawn(path=program('ptscripted'))
        self.await_class(a.pid, 'b')

    def test_interpreter_that_was_given_a_file_is_no_script(self):
        path = self.script('ptscript.sh')
        a = self.spawn(path, path='/bin/sh', argv0='sh')
        self.assertEqual(a.line(), 'here')
        self.assert_home(a.pid)


class ParentClass(Case):
    CLASSES = '[Class ci]\nCPUWeight=50\n[Class tools]\n[Class outside]\n'
    RULES = '''
ci:    comm=ptci {home} => ci
tool:  parent-class=ci comm=pttool {home} => tools
other: parent-class="" comm=ptother {home} => outside
'''

    def test_child_of_a_member(self):
        a = self.spawn('wait', 'fork', 'exec', program('pttool'), 'END', path=program('ptci'))
        alone = self.spawn(path=program('pttool'))
        self.await_class(a.pid, 'ci')
        a.go()
        self.await_class(a.child(), 'tools')
        self.assert_home(alone.pid)

    def test_orphan_is_still_born_there(self):
        a = self.spawn('wait', 'orphan', 'wait', 'exec', program('pttool'), 'END', path=program('ptci'))
        self.await_class(a.pid, 'ci')
        a.go()
        orphan = a.child()
        a.go()
        self.await_class(orphan, 'tools')

    def test_parent_that_came_into_the_class_later(self):
        """What counts is where the parent belonged when it forked."""
        a = self.spawn('wait', 'fork', 'wait', 'exec', program('pttool'), 'say', 'new', 'END', 'exec', program('ptci'))
        self.fence()  # it was looked at before it forks; else a late look may find what it is by then
        a.go()
        child = a.child()
        self.await_class(a.pid, 'ci')
        self.fence()
        a.go()
        self.assertEqual(a.line(), 'new')
        self.assert_home(child)

    def test_child_forked_while_its_parent_is_on_its_way(self):
        for _ in range(5):
            a = self.spawn(*['fork', 'exec', program('pttool'), 'END'] * 8, path=program('ptci'))
            children = [a.child() for _ in range(8)]
            for pid in children:
                self.await_class(pid, 'tools')

    def test_none(self):
        outside = self.spawn('fork', 'exec', program('ptother'), 'END').child()
        a = self.spawn('wait', 'fork', 'exec', program('ptother'), 'say', 'new', 'END', path=program('ptci'))
        self.await_class(outside, 'outside')
        self.await_class(a.pid, 'ci')
        a.go()
        inside = a.child()
        self.assertEqual(a.line(), 'new')
        self.fence()
        self.assertTrue(self.in_class(inside, 'ci'), self.where(inside))

    def test_on_v1_too_and_after_a_restart(self):
        a = self.spawn('wait', 'fork', 'exec', program('pttool'), 'END', path=program('ptci'))
        self.await_class(a.pid, 'ci')
        self.await_class(a.pid, 'ci', 'cpu')
        a.go()
        child = a.child()
        self.await_class(child, 'tools')
        self.service.restart()
        self.assertTrue(self.in_class(child, 'tools'), self.where(child))
        self.assertEqual(self.service.explain(child).get('Rule'), 'tool')
        self.assertNotEqual(place(child), place(a.pid))

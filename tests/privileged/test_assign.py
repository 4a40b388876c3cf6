"""Placing by hand: what assign, pin, release and run ask for holds against rules, as long as it was asked for and no longer."""
import ctypes
import os
import signal
import subprocess

import machine
from case import Case, program
from machine import place, wait_for
from service import ACTOR, BusError

CLASSES = '[Class a]\nCPUWeight=50\n[Class b]\nTasksMax=400\n[Class c]\n'
RULES = 'bycomm: comm=pta {home} => a\nbyuid: uid=61210 {home} => a\n'
CTL = '/usr/bin/pclassctl'


def comm(pid):
    with open(f'/proc/{pid}/comm', encoding='utf-8') as f:
        return f.read().strip()


class Manual(Case):
    CLASSES, RULES = CLASSES, RULES

    def assign(self, pid, name, *options):
        self.service.call('/Processes', 'Processes', 'AssignPid', 'usoa{sv}', pid, '', f'/Classes/{name}', len(options) // 3, *options)

    def pin(self, pid, name, *options):
        self.assign(pid, name, 'pin', 'b', 'true', *options)

    def release(self, pid):
        self.service.call('/Processes', 'Processes', 'ReleasePid', 'us', pid, '')

    def assigned(self):
        return {row['PID']: row for row in self.service.call('/Processes', 'Processes', 'ListAssignments', 'a{sv}', 0)}

    def members(self, name):
        """{pid: (rule, whether by hand)} as the list of a class has it."""
        return {m['PID']: (m['Rule'], m['Assigned']) for m in self.service.ctl('list-processes', name, '--json')}

    def assertIn_(self, pid, name):
        """It is there when the call has returned: nothing is awaited."""
        self.assertTrue(self.in_class(pid, name), self.where(pid))

    def refused(self, text, function, *args):
        with self.assertRaises(BusError) as caught:
            function(*args)
        self.assertIn(text, str(caught.exception))


class Assign(Manual):
    def test_is_there_when_the_call_returns_on_every_hierarchy(self):
        a = self.spawn()
        self.assign(a.pid, 'a')
        self.assertIn_(a.pid, 'a')
        self.assertEqual(place(a.pid, 'cpu'), self.class_path('a'))

    def test_holds_against_a_rule_and_says_so(self):
        a = self.spawn('exec', program('pta'), 'wait', 'comm', 'pta')
        self.await_class(a.pid, 'a')
        self.assign(a.pid, 'b')
        self.assertIn_(a.pid, 'b')
        a.go()  # an event for which the rule would have it
        self.fence()
        self.service.add_rule('more: uid=0 {home} => c')
        self.assertIn_(a.pid, 'b')
        x = self.service.explain(a.pid)
        self.assertEqual((x['Holder'], x['CurrentClass'], x['Assigned'], x['Rule']), ('pin', 'b', 'b', 'more'))
        self.assertEqual(x['HolderDetail'], 'class b, by root, until exec')
        self.assertEqual([(e['PID'], e['Holder']) for e in self.service.plan() if e['PID'] == a.pid], [(a.pid, 'pin')])
        wait_for(lambda: self.service.get('/Status', 'Status', 'Convergence')['Held'] >= 1, 'the statement to count it as held')

    def test_what_the_new_class_lacks_is_left(self):
        """Class a is on cpu; c is not. Whoever goes from a to c by hand is on cpu no more, and comes back with its release."""
        a = self.spawn('exec', program('pta'))
        self.await_class(a.pid, 'a', 'cpu')
        origin = self.service.explain(a.pid)
        self.assign(a.pid, 'c')
        wait_for(lambda: place(a.pid, 'cpu') != self.class_path('a'), lambda: f'{a.pid} to leave a of cpu: {origin}')
        self.assertEqual(self.members('c')[a.pid], ('', True))
        self.release(a.pid)
        self.assertIn_(a.pid, 'a')
        self.assertEqual(place(a.pid, 'cpu'), self.class_path('a'))
        self.assertEqual(self.members('a')[a.pid], ('bycomm', False))  # a rule has it again

    def test_ends_with_the_next_exec(self):
        a = self.spawn('wait', 'exec', program('pta'))
        self.assign(a.pid, 'b')
        a.go()
        self.await_class(a.pid, 'a')
        self.assertNotIn(a.pid, self.assigned())

    def test_after_exec_without_a_rule_it_goes_home(self):
        a = self.spawn('wait', 'exec', program('ptnone'), 'say', 'new')
        self.assign(a.pid, 'a')
        self.assertEqual(place(a.pid, 'cpu'), self.class_path('a'))
        a.go()
        self.assertEqual(a.line(), 'new')
        self.await_home(a.pid)
        wait_for(lambda: place(a.pid, 'cpu') != self.class_path('a'), 'it to leave cpu too')

    def test_for_a_time(self):
        a = self.spawn('exec', program('pta'))
        self.assign(a.pid, 'b', 'for', 't', 700000)
        self.assertIn_(a.pid, 'b')
        self.assertLessEqual(self.assigned()[a.pid]['LeftUSec'], 700000)
        self.await_class(a.pid, 'a')
        self.assertEqual(self.assigned(), {})

    def test_the_end_of_the_process_ends_it(self):
        a = self.spawn()
        self.pin(a.pid, 'b')
        self.assertIn(a.pid, self.assigned())
        a.process.kill()
        a.process.wait()
        wait_for(lambda: not self.assigned(), 'it to be forgotten')

    def test_a_later_one_replaces(self):
        a = self.spawn()
        self.pin(a.pid, 'b')
        self.pin(a.pid, 'c')
        self.assertIn_(a.pid, 'c')
        self.assertEqual([r['Class'] for r in self.assigned().values()], ['c'])

    def test_a_later_one_leaves_nothing_behind(self):
        """Of two classes in different hierarchies."""
        a = self.spawn()
        before = machine.places(a.pid)
        self.pin(a.pid, 'b')
        self.assertEqual(place(a.pid, 'pids'), self.class_path('b'))
        self.pin(a.pid, 'a')
        self.assertEqual((place(a.pid, 'cpu'), place(a.pid, 'pids')), (self.class_path('a'), before['pids']))
        self.release(a.pid)
        self.assertEqual(machine.places(a.pid), before)

    def test_moved_by_something_else_comes_back(self):
        a = self.spawn('wait', 'comm', 'x')
        self.pin(a.pid, 'b')
        with open(machine.UNIFIED.path(self.service.home, 'cgroup.procs'), 'w', encoding='utf-8') as f:
            f.write(str(a.pid))
        self.service.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0)
        self.assertIn_(a.pid, 'b')


class Pin(Manual):
    def test_holds_across_exec_and_ids(self):
        a = self.spawn('wait', 'exec', program('pta'), 'uid', 61210, 'say', 'done')
        self.pin(a.pid, 'b')
        a.go()
        self.assertEqual(a.line(), 'done')
        self.fence()
        self.assertIn_(a.pid, 'b')
        self.assertEqual(self.assigned()[a.pid]['Until'], 'exit')

    def test_release_goes_where_the_rule_says_at_once(self):
        a = self.spawn('exec', program('pta'))
        self.await_class(a.pid, 'a')
        self.pin(a.pid, 'b')
        self.assertEqual(place(a.pid, 'pids'), self.class_path('b'))
        self.release(a.pid)
        self.assertIn_(a.pid, 'a')
        self.assertNotEqual(place(a.pid, 'pids'), self.class_path('b'))  # which a has not
        self.refused('not assigned', self.release, a.pid)

    def test_release_without_a_rule_goes_home(self):
        a = self.spawn()
        self.pin(a.pid, 'b')
        self.release(a.pid)
        self.assertEqual(place(a.pid), self.service.home)

    def test_child_is_judged_by_itself(self):
        a = self.spawn('wait', 'fork', 'END', 'wait', 'fork', 'exec', program('pta'), 'END')
        self.pin(a.pid, 'b')
        a.go()
        plain = a.child()
        a.go()  # children say who they are themselves: of two at once either may be the first
        ruled = a.child()
        self.await_home(plain)
        self.await_class(ruled, 'a')
        self.assertIn_(a.pid, 'b')
        self.assertEqual(list(self.assigned()), [a.pid])

    def test_survives_a_restart(self):
        for ending in (self.service.stop, lambda: os.kill(self.service.daemons()['listener'], signal.SIGKILL)):
            a = self.spawn('exec', program('pta'), 'wait', 'exec', program('ptnone'), 'exec', program('pta'), 'say', 'again')
            self.await_class(a.pid, 'a')
            self.pin(a.pid, 'b')
            ending()
            self.service.wait_ended()
            self.service.start()
            self.assertIn_(a.pid, 'b')
            self.assertEqual(self.assigned()[a.pid]['Authority'], 'root')
            a.go()
            self.assertEqual(a.line(), 'again')
            self.fence()
            self.assertIn_(a.pid, 'b')
            self.release(a.pid)
            self.assertIn_(a.pid, 'a')

    def test_released_after_a_restart_without_a_rule_goes_home(self):
        a = self.spawn()
        self.pin(a.pid, 'a')
        self.service.restart()
        self.release(a.pid)
        self.assertEqual(place(a.pid), self.service.home)

    def test_class_that_is_gone_ends_it(self):
        a = self.spawn('exec', program('pta'))
        self.service.add_rule('other: comm=pta {mine} => a')  # where it came from is not known when its class is no more
        self.pin(a.pid, 'c')
        self.service.write_classes(CLASSES.replace('[Class c]\n', '') + '[Class marker2]\n')
        self.service.restart()
        self.await_class(a.pid, 'a')
        self.assertEqual(self.assigned(), {})

    def test_class_that_goes_while_the_service_runs_ends_it(self):
        self.service.write_classes(CLASSES + '[Class marker]\n[Class t/%u]\n[Class t]\n')
        self.service.write_rules('marker: comm=ptmarker {home} => marker\nt: comm=ptb {home} => t/%u\n')
        self.service.restart()
        first, a = self.as_user(61201, path=program('ptb')), self.spawn()
        self.await_class(first.pid, 't/ptest1')
        self.pin(a.pid, 't_2fptest1')
        with open(machine.UNIFIED.path(self.service.home, 'cgroup.procs'), 'w', encoding='utf-8') as f:
            f.write(str(a.pid))
        self.assertIn(a.pid, self.assigned())
        first.process.kill()
        wait_for(lambda: not self.assigned(), 'the class and what bound to it to go')

    def test_another_process_of_the_same_number_has_none(self):
        a = self.spawn()
        self.pin(a.pid, 'b')
        self.service.stop()
        a.process.kill()
        a.process.wait()
        again = subprocess.Popen(['python3', '-c', SAME_NUMBER, str(a.pid), machine.UNIFIED.path(self.service.home, 'cgroup.procs')],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (again.stdin.close(), again.stdout.close(), again.wait()))
        self.assertEqual(again.stdout.readline().split(), ['child', str(a.pid)])
        self.service.start()
        self.assertEqual(place(a.pid), self.service.home)
        self.assertEqual(self.assigned(), {})


# A child of a chosen number, which ends with its parent's standard input.
SAME_NUMBER = '''
import ctypes, os, struct, sys
number, home = int(sys.argv[1]), sys.argv[2]
with open(home, 'w') as f: f.write('0')
ids = (ctypes.c_int * 1)(number)
args = ctypes.create_string_buffer(struct.pack('<11Q', 0, 0, 0, 0, 17, 0, 0, 0, ctypes.addressof(ids), 1, 0), 88)
while True:
    pid = ctypes.CDLL(None, use_errno=True).syscall(435, args, 88)
    if pid >= 0: break
if pid == 0:
    sys.stdin.read()
    os._exit(0)
print('child', pid, flush=True)
os.waitpid(pid, 0)
'''


class Tree(Manual):
    def test_descendants_that_are_and_those_to_come(self):
        a = self.spawn('fork', 'chain', 1, 'END', 'wait', 'fork', 'exec', program('pta'), 'END', 'orphan', 'exec', program('pta'), 'END')
        there = [a.child(), a.child()]
        self.pin(a.pid, 'b', 'tree', 'b', 'true')
        for pid in (a.pid, *there):
            self.assertIn_(pid, 'b')
        a.go()
        later = [a.child(), a.child()]
        self.fence()
        for pid in later:
            self.assertIn_(pid, 'b')
        self.assertLessEqual({a.pid, *there, *later}, set(self.assigned()))
        self.release(there[0])  # one request: released as one
        self.assertEqual(self.assigned(), {})
        for pid in (a.pid, *there):
            self.assertEqual(place(pid), self.service.home)
        for pid in later:
            self.assertIn_(pid, 'a')

    def test_until_exec_too(self):
        """Those that are there come in, though each has executed something before; who executes something then drops out, and stays out."""
        a = self.spawn('fork', 'exec', program('ptnone'), 'wait', 'exec', program('ptother'), 'say', 'other', 'END', 'fork', 'END')
        there = [a.child(), a.child()]  # whoever was faster says so first
        for name in ('ptnone', 'actor'):
            wait_for(lambda: name in map(comm, there), lambda: f'{name} to be one of {list(map(comm, there))}')
        there.sort(key=comm, reverse=True)
        self.assign(a.pid, 'b', 'tree', 'b', 'true')
        for pid in (a.pid, *there):
            self.assertIn_(pid, 'b')
        self.assertLessEqual({a.pid, *there}, set(self.assigned()))
        a.go()
        self.assertEqual(a.line(), 'other')
        self.assert_home(there[0])
        self.service.add_rule('more: comm=ptnobody {home} => c')  # everybody is looked at
        self.assertEqual((place(there[0]), there[0] in self.assigned()), (self.service.home, False))
        self.assertIn_(there[1], 'b')

    def test_forks_while_it_is_being_assigned(self):
        for _ in range(5):
            a = self.spawn('chain', 60)
            self.pin(a.pid, 'b', 'tree', 'b', 'true')
            for pid in [a.child() for _ in range(60)]:
                self.await_class(pid, 'b')

    def test_survives_a_restart(self):
        a = self.spawn('fork', 'END', 'wait', 'fork', 'exec', program('pta'), 'END')
        child = a.child()
        self.pin(a.pid, 'b', 'tree', 'b', 'true')
        self.service.restart()
        self.assertIn_(child, 'b')
        a.go()
        later = a.child()
        self.fence()
        self.assertIn_(later, 'b')

    def test_forked_while_the_service_was_away(self):
        a = self.spawn('wait', 'fork', 'exec', program('pta'), 'END')
        self.pin(a.pid, 'b', 'tree', 'b', 'true')
        self.service.stop()
        a.go()
        child = a.child()
        self.service.start()
        self.assertIn_(child, 'b')
        self.assertEqual(set(self.assigned()), {a.pid, child})


class Refused(Manual):
    CLASSES = CLASSES + '[Class closed]\nAllowedUsers=ptest1\n[Class t/%u]\n[Class t]\n'
    CONFIG = {'Protect': '{HOME}/protected*'}

    def test_protected(self):
        self.refused('protected', self.assign, 1, 'b')
        self.refused('protected', self.assign, 2, 'b')
        guarded = machine.make_cgroup(f'{self.service.home}/protected')
        a = self.spawn(cgroup=guarded)
        self.refused('protected', self.assign, a.pid, 'b')
        self.assertEqual(place(a.pid), guarded)
        self.assertEqual(self.assigned(), {})

    def test_user_that_the_class_does_not_take(self):
        a = self.spawn('exec', program('pta'))
        self.await_class(a.pid, 'a')
        self.pin(a.pid, 'b')
        self.refused('denied', self.pin, a.pid, 'closed')
        self.assertIn_(a.pid, 'b')  # what held before holds still
        self.assertEqual(self.assigned()[a.pid]['Class'], 'b')
        one = self.as_user(61201)
        self.pin(one.pid, 'closed')
        self.assertIn_(one.pid, 'closed')

    def test_mistakes(self):
        a = self.spawn()
        self.refused('no class', self.assign, a.pid, 'nowhere')
        self.refused('template', self.assign, a.pid, 't_2f_25u')
        self.refused('no process', self.assign, 4194303, 'b')
        for options, text in (((('until', 's', 'lunch')), "'exec' or 'exit'"), (('for', 't', 0), 'microseconds'), (('for', 't', 1 << 62), 'microseconds'),
                              (('pin', 'b', 'true', 'until', 's', 'exec'), 'until exit'), (('branch', 'b', 'true'), "'branch'")):
            self.refused(text, self.assign, a.pid, 'b', *options)
        self.assertEqual(self.assigned(), {})
        self.assertEqual(place(a.pid), self.service.home)

    def test_observe_mode(self):
        a = self.spawn()
        self.service.call('/Status', 'Status', 'SetMode', 's', 'observe')
        self.refused('observes', self.assign, a.pid, 'b')
        self.assertEqual(self.assigned(), {})


class Units(Manual):
    """What systemd tracks in a unit is left there, unless the request says otherwise."""
    CLASSES = CLASSES + '[Class d]\nCPUWeight=10\n[Class e]\nLeaveUnit=yes\n'

    def setUp(self):
        super().setUp()
        self.unit = machine.make_cgroup(f'{self.service.slice}/pt-test.service')

    def test_held_on_every_hierarchy_is_refused(self):
        a = self.spawn(cgroup=self.unit)
        self.refused('pt-test.service', self.assign, a.pid, 'c')
        self.assertEqual((place(a.pid), self.assigned()), (self.unit, {}))
        self.assign(a.pid, 'c', 'leave-unit', 'b', 'true')
        self.assertIn_(a.pid, 'c')
        self.release(a.pid)
        self.assertEqual(place(a.pid), self.unit)

    def test_class_says_leave_unit(self):
        a = self.spawn(cgroup=self.unit)
        self.assign(a.pid, 'e')
        self.assertIn_(a.pid, 'e')

    def test_other_hierarchies_are_free(self):
        a = self.spawn(cgroup=self.unit)
        self.assign(a.pid, 'd')
        self.assertEqual((place(a.pid, 'cpu'), place(a.pid)), (self.class_path('d'), self.unit))
        self.assertEqual(self.assigned()[a.pid]['Holder'], 'unit')

    def test_run_leaves_its_unit(self):
        a = self.spawn('run', 'd', ACTOR, path=CTL, cgroup=self.unit)
        self.await_class(a.pid, 'd')
        kept = self.spawn('run', '--keep-unit', 'd', ACTOR, 'say', 'here', path=CTL, cgroup=self.unit)
        self.assertEqual(kept.line(), 'here')
        self.assertEqual((place(kept.pid, 'cpu'), place(kept.pid)), (self.class_path('d'), self.unit))


class Run(Manual):
    def run_in(self, *words, user=None):
        """pclassctl run; it becomes the program, so the actor's pid is the program's."""
        before = None
        if user is not None:
            def before():
                os.initgroups(user[0], user[1])
                os.setgid(user[1])
                os.setuid(user[1])
        return self.spawn('run', *words, path=CTL, before=before)

    def alice(self):
        import pwd
        return ('alice', pwd.getpwnam('alice').pw_uid)

    def cgroups(self, a):
        """What /proc/self/cgroup says in the program, read by itself, first of all."""
        text = a.process.stdout.read().decode()
        return {name: line.split(':', 2)[2] for line in text.split() for name in (line.split(':', 2)[1] or 'cgroup2').split(',')}

    def test_first_instruction_is_in_the_class(self):
        for user in (None, self.alice()):
            a = self.run_in('a', '--', '/bin/cat', '/proc/self/cgroup', user=user)
            said = self.cgroups(a)
            self.assertEqual((said['cgroup2'], said['cpu']), (self.class_path('a'), self.class_path('a')))

    def test_holds_across_fork_and_exec_against_rules(self):
        a = self.run_in('--class=b', ACTOR, 'exec', program('pta'), 'fork', 'exec', program('pta'), 'END', user=self.alice())
        child = a.child()
        self.fence()
        members = self.members('b')
        self.assertEqual((members[a.pid], members[child]), (('', True), ('', True)))
        self.assertIn_(a.pid, 'b')
        self.assertIn_(child, 'b')
        rows = self.assigned()
        self.assertEqual((rows[a.pid]['Authority'], rows[a.pid]['Until'], rows[a.pid]['Tree']), ('user', 'exit', True))
        self.assertIn(child, rows)

    def test_no_tree(self):
        a = self.run_in('--no-tree', 'b', ACTOR, 'fork', 'exec', program('pta'), 'END')
        self.await_class(a.child(), 'a')
        self.assertIn_(a.pid, 'b')

    def test_status_and_arguments_are_the_programs(self):
        def status(*words):
            return subprocess.run([CTL, 'run', *words], capture_output=True, check=False)

        self.assertEqual(status('b', 'sh', '-c', 'exit 7').returncode, 7)
        self.assertEqual(status('b', '--', 'sh', '-c', 'kill -TERM $$').returncode, -signal.SIGTERM)
        self.assertEqual(status('b', 'printf', '%s|', '--json', '-h', '--').stdout, b'--json|-h|--|')
        self.assertEqual(status('b', '/nonexistent/program').returncode, 127)
        self.assertEqual(status('b', '/etc/passwd').returncode, 126)
        self.assertEqual(status('b').returncode, 2)

    def test_not_assigned_is_not_started(self):
        witness = f'{self.service.dir}/witness'

        def status(name, *how):
            return subprocess.run([*how, CTL, 'run', '--no-ask-password', name, 'touch', witness], capture_output=True, check=False).returncode

        self.assertEqual(status('nowhere'), 10)
        self.assertEqual(status('b', 'setpriv', '--reuid=bob', '--regid=bob', '--init-groups', '--'), 4)
        self.service.stop()
        self.assertEqual(status('b'), 8)
        self.service.start()
        self.assertFalse(os.path.exists(witness))
        self.assertEqual(status('b'), 0)
        self.assertTrue(os.path.exists(witness))

    def test_verbs(self):
        a = self.spawn('exec', program('pta'))
        self.await_class(a.pid, 'a')
        self.service.ctl('assign', 'b', str(a.pid), '--for=1h')
        rows = self.service.ctl('list-assignments', '--json')
        self.assertEqual([(r['PID'], r['Class'], r['Until']) for r in rows], [(a.pid, 'b', 'exit')])
        self.service.ctl('pin', 'c', str(a.pid))
        self.assertIn_(a.pid, 'c')
        self.assertIn('c', self.service.ctl('list-assignments'))
        self.assertIn('Assigned by hand: class c, by root, until exit.', self.service.ctl('explain', str(a.pid)))
        self.service.ctl('release', str(a.pid))
        self.assertIn_(a.pid, 'a')
        self.service.ctl('release', str(a.pid), status=10)
        self.service.ctl('assign', 'nowhere', str(a.pid), status=10)
        self.service.ctl('assign', 'b', 'x', status=2)
        self.service.ctl('assign', 'b', str(a.pid), '--for=0', status=2)

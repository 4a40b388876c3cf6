"""cgrules.conf used as it is: the rules and cases of cgrulesengd's README, and those that it does not think of, on v1 cpu and memory.

Its rules name users and everybody (*), which no rule may do here; guard.check_cgrules() says how they are confined to the run's own processes."""
import fcntl
import os
import subprocess
import threading

import guard
import machine
from case import Case, program
from machine import place, wait_for
from service import RIG, BusError

# Of this run alone: the rig's own /etc has them, and no number is another run's.
BASE = 100_000_000 + os.getpid() * 100
SJO, CGTEST, OTHER, LATE, CGROUP, USERS = (BASE + n for n in range(6))

README = '''
sjo     cpu         {d}/default
cgtest  cpu         {d}/cgtest
%       memory      {d}/default
@cgroup cpu,memory  {d}/cgtest
peter   cpu         {d}/test1
%       memory      {d}/test2
@root   *           {d}/default
*       *           {d}/default
'''


def append(path, text):
    with open(path, 'a', encoding='utf-8') as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        f.write(text)


def numbers_go_on_after(pid):
    """The next process gets the first free number behind that one."""
    with open('/proc/sys/kernel/ns_last_pid', 'w', encoding='ascii') as f:
        f.write(str(pid))


def setUpModule():
    append('/etc/passwd', ''.join(f'{name}:x:{uid}:{uid}::/:/bin/sh\n' for name, uid in (('sjo', SJO), ('cgtest', CGTEST), ('cgother', OTHER))))
    append('/etc/group', f'sjo:x:{SJO}:\ncgtest:x:{CGTEST}:\ncgother:x:{OTHER}:\ncgroup:x:{CGROUP}:sjo,root,cgtest\ncgusers:x:{USERS}:\n')


class CgrulesCase(Case):
    CGRULES = README
    ROOTS = True

    def new_service(self):
        s = super().new_service()  # which is destroyed with its actors before the place below
        self.top = f'{RIG}/cg-{s.id}'
        s.write_rules(f'{guard.fence(RIG)}\nmarker: comm=ptmarker {{home}} => marker\n')
        s.write_config(CgrulesFile=f'{s.dir}/cgrules.conf', AllowedRoots=self.top if self.ROOTS else f'{self.top}-elsewhere', Protect='/')
        self.write_cgrules(self.CGRULES, s)
        return s

    def end(self, service):
        """Actors last; what they stood in goes when they are gone."""
        try:
            super().end(service)
        finally:
            for top in (self.top, f'{self.top}-elsewhere'):
                machine.remove_cgroup(top)

    def write_cgrules(self, text, service=None, name='cgrules.conf'):
        s = service or self.service
        guard.check_cgrules(s.config, f'{guard.fence(RIG)}\n', RIG)
        with open(f'{s.dir}/rules.d/50-test.rules', encoding='utf-8') as f:
            guard.check_cgrules(s.config, f.read(), RIG)
        os.makedirs(os.path.dirname(f'{s.dir}/{name}'), exist_ok=True)
        s.write(name, text.replace('{d}', self.top[1:]))

    def at(self, pid, **wanted):
        return all(place(pid, c) == f'{self.top}/{name}' for c, name in wanted.items())

    def await_at(self, pid, **wanted):
        wait_for(lambda: self.at(pid, **wanted), lambda: f'{pid} at {wanted}; it is in {self.where(pid)}')

    def untouched(self, pid, *controllers):
        for c in controllers:
            self.assertEqual(place(pid, c), f'{RIG}/run', self.where(pid))

    def rule(self, name):
        return next(r for r in self.service.rules() if r['Name'] == name)


class Readme(CgrulesCase):
    """The six cases; root starts each, as the README's own program does."""

    def start(self, *steps):
        a = self.spawn('wait', *steps, 'say', 'done')
        a.go()
        self.assertEqual(a.line(), 'done')
        return a.pid

    def test_set_uid_to_sjo(self):
        pid = self.start('groups', str(SJO), 'gid', SJO, 'uid', SJO)
        self.await_at(pid, cpu='default')

    def test_set_uid_to_root(self):
        pid = self.start('euid', OTHER, 'euid', 0)
        self.await_at(pid, cpu='cgtest', memory='cgtest')

    def test_set_uid_to_cgtest(self):
        pid = self.start('uid', CGTEST)
        self.await_at(pid, cpu='cgtest', memory='default')

    def test_set_gid_to_root(self):
        """Of a user who is in none of the groups: the effective group decides."""
        pid = self.start('gid', USERS, 'euid', OTHER, 'euid', 0, 'gid', 0, 'euid', OTHER)
        self.await_at(pid, cpu='default', memory='default', pids='default')

    def test_set_gid_to_cgroup(self):
        pid = self.start('gid', CGROUP, 'euid', OTHER)
        self.await_at(pid, cpu='cgtest', memory='cgtest')

    def test_set_gid_to_users(self):
        pid = self.start('gid', USERS, 'euid', OTHER)
        self.await_at(pid, cpu='default', memory='default', pids='default')

    def test_only_the_controllers_of_the_rule(self):
        pid = self.start('gid', SJO, 'uid', SJO)
        self.await_at(pid, cpu='default')
        self.fence()
        self.assertNotEqual(place(pid, 'memory'), f'{self.top}/default', self.where(pid))

    def test_missing_user_is_skipped_with_what_continues_it(self):
        wait_for(lambda: self.rule('cgrules-6')['Reason'] == 'no such user: peter', 'peter to be asked for')
        peter = self.rule('cgrules-6')
        self.assertFalse(peter['Active'])
        self.assertEqual((peter['Source'], peter['Line']), (f'{self.service.dir}/cgrules.conf', 6))
        self.assertIn('test2', peter['Text'])
        self.assertFalse(os.path.exists(machine.hierarchy_of('cpu').path(f'{self.top}/test1')))


class Further(CgrulesCase):
    CGRULES = '''
sjo:ptpart*  cpu     {d}/part
sjo          cpu     {d}/user
%            memory  {d}/%u
cgother:ptscript cpu {d}/script
cgother:ptrenamed cpu {d}/renamed
cgother      cpu     {d}/apache
cglate       cpu     {d}/late
%            memory  {d}/late2
'''

    def test_suexec_without_pam(self):
        """What a web server does for a user's script: setgid, setuid, exec, nobody is asked."""
        a = self.spawn('wait', 'groups', str(OTHER), 'gid', OTHER, 'uid', OTHER, 'exec', program('ptcgi'), 'say', 'done')
        a.go()
        self.assertEqual(a.line(), 'done')
        self.await_at(a.pid, cpu='apache')

    def test_renamed(self):
        a = self.as_user(OTHER, 'wait', 'comm', 'ptrenamed', 'say', 'done')
        self.await_at(a.pid, cpu='apache')
        a.go()
        self.assertEqual(a.line(), 'done')
        self.await_at(a.pid, cpu='renamed')

    def test_script(self):
        path = f'{self.service.dir}/ptscript'
        with open(path, 'w', encoding='utf-8') as f:
            f.write('#!/bin/sh\nread line\n')
        os.chmod(path, 0o755)
        os.chmod(self.service.dir, 0o755)
        a = self.as_user(OTHER, path=path)
        self.await_at(a.pid, cpu='script')

    def test_threads_move_together(self):
        a = self.spawn('thread', 'thread', 'wait', 'thread-uid', SJO, 'say', 'done')
        a.go()
        wait_for(lambda: self.at(a.pid, cpu='user'), lambda: self.where(a.pid))
        for task in os.listdir(f'/proc/{a.pid}/task'):
            self.assertEqual(machine.places(f'{a.pid}/task/{task}')['cpu'], f'{self.top}/user')

    def test_below_the_destination_is_left_there(self):
        a = self.as_user(SJO, 'wait', 'exec', program('ptother'), 'say', 'done')
        self.await_at(a.pid, cpu='user', memory='sjo')
        web = machine.hierarchy_of('cpu').path(f'{self.top}/user/web')
        os.makedirs(web)
        with open(f'{web}/cgroup.procs', 'w', encoding='utf-8') as f:
            f.write(str(a.pid))
        a.go()
        self.assertEqual(a.line(), 'done')
        self.fence()
        self.assertTrue(self.at(a.pid, cpu='user/web'), self.where(a.pid))

    def test_user_made_later(self):
        wait_for(lambda: self.rule('cgrules-8')['Reason'] == 'no such user: cglate', 'cglate to be asked for')
        a = self.as_user(LATE)
        self.fence()
        self.assertFalse(self.at(a.pid, cpu='late'))
        append('/etc/passwd', f'cglate:x:{LATE}:{LATE}::/:/bin/sh\n')
        self.await_at(a.pid, cpu='late', memory='late2')
        self.assertTrue(self.rule('cgrules-8')['Active'])

    def test_first_match_and_its_name(self):
        a = self.as_user(SJO, path=program('ptpartner'))
        self.await_at(a.pid, cpu='part')
        told = self.service.explain(a.pid)
        self.assertEqual((told['Rule'], told['Source'], told['Line']), ('cgrules-2', f'{self.service.dir}/cgrules.conf', 2))

    def test_explain_tells_what_keeps_each_earlier_rule_from_it(self):
        a = self.as_user(SJO)
        self.await_at(a.pid, cpu='user', memory='sjo')
        steps = self.service.explain(a.pid)['Steps']
        rule = next(s for s in steps if s['Rule'] == 'cgrules-2')
        self.assertEqual((rule['Condition'], rule['Reason']), ('ptpart*', 'does not hold'))

    def test_directories_of_users_go_when_empty_others_stay(self):
        a = self.as_user(SJO)
        self.await_at(a.pid, cpu='user', memory='sjo')
        self.kill(a.pid)
        wait_for(lambda: not os.path.exists(machine.hierarchy_of('memory').path(f'{self.top}/sjo')), 'the directory of sjo to go')
        self.assertTrue(os.path.exists(machine.hierarchy_of('cpu').path(f'{self.top}/user')))

    def test_reload_while_events_pour_in(self):
        """Whoever is there in the end is where the last rules say."""
        stop = threading.Event()
        actors = []

        def pour():
            while not stop.is_set() and len(actors) < 60:
                actors.append(self.as_user(SJO, 'fork', 'END'))

        thread = threading.Thread(target=pour)
        thread.start()
        for n in range(6):
            self.write_cgrules(f'sjo cpu,memory {{d}}/turn{n}\n')
            self.service.reload()
        stop.set()
        thread.join()
        self.assertGreater(len(actors), 0)
        for a in actors:
            self.await_at(a.pid, cpu='turn5', memory='turn5')
            self.await_at(a.child(), cpu='turn5', memory='turn5')


class Live(CgrulesCase):
    CGRULES = '''
sjo    cpu  {d}/keep/   ignore
sjo    *    {d}/a
cgtest cpu  {d}/b
'''

    def test_ignore_at_its_place_only(self):
        a = self.as_user(SJO, 'wait', 'exec', program('ptother'), 'say', 'done')
        self.await_at(a.pid, cpu='a', memory='a', pids='a')
        keep = machine.hierarchy_of('cpu').path(f'{self.top}/keep')
        os.makedirs(keep)
        with open(f'{keep}/cgroup.procs', 'w', encoding='utf-8') as f:
            f.write(str(a.pid))
        a.go()
        self.assertEqual(a.line(), 'done')
        self.fence()
        self.assertTrue(self.at(a.pid, cpu='keep'), self.where(a.pid))
        self.assertTrue(self.service.explain(a.pid)['Ignored'])

    def test_reload_is_all_or_nothing(self):
        generation = self.service.get('/Rules', 'Rules', 'Generation')
        self.write_cgrules('sjo cpu {d}/other\nnonsense\n')
        with self.assertRaises(BusError) as caught:
            self.service.reload()
        self.assertRegex(str(caught.exception), r'cgrules\.conf:2:\d+: ')
        self.assertEqual(self.service.get('/Rules', 'Rules', 'Generation'), generation)
        a = self.as_user(SJO)
        self.await_at(a.pid, cpu='a')

    def test_back_to_the_origin_when_the_rule_goes(self):
        a = self.as_user(SJO)
        self.await_at(a.pid, cpu='a', memory='a')
        self.write_cgrules('cgtest cpu {d}/b\n')
        self.service.reload()
        wait_for(lambda: place(a.pid, 'cpu') == f'{RIG}/run' and place(a.pid, 'memory') == f'{RIG}/run', lambda: self.where(a.pid))

    def test_back_to_the_origin_after_a_restart(self):
        """Also those that were forked in the middle of their parent's move, of which the records say where they came from on some hierarchies only."""
        a = self.as_user(SJO, *['fork', 'END'] * 40)
        pids = [a.pid, *(a.child() for _ in range(40))]
        for pid in pids:
            self.await_at(pid, cpu='a', memory='a')
        self.service.restart()
        for pid in pids:
            self.assertTrue(self.at(pid, cpu='a', memory='a'), self.where(pid))
        self.write_cgrules('cgtest cpu {d}/b\n')
        self.service.reload()
        for pid in pids:
            wait_for(lambda p=pid: place(p, 'cpu') == f'{RIG}/run' and place(p, 'memory') == f'{RIG}/run', lambda p=pid: self.where(p))

    def test_children_with_smaller_numbers(self):
        """They are found before their parents, of which alone the origin was recorded."""
        for _ in range(20):  # unless that number is taken or others fork meanwhile
            a = self.as_user(SJO, 'wait', 'chain', 2)
            self.await_at(a.pid, cpu='a', memory='a')
            self.fence()
            numbers_go_on_after(a.pid // 2)
            a.go()
            children = [a.child(), a.child()]
            if max(children) < a.pid:
                break
        self.assertLess(max(children), a.pid)
        self.service.restart()
        self.write_cgrules('cgtest cpu {d}/b\n')
        self.service.reload()
        for pid in (a.pid, *children):
            wait_for(lambda p=pid: place(p, 'cpu') == f'{RIG}/run', lambda p=pid: self.where(p))

    def test_rules_of_pclass_go_first(self):
        self.service.write_rules(f'{guard.fence(RIG)}\nmarker: comm=ptmarker {{home}} => marker\nmine: comm=ptmine {{home}} => marker\n')
        self.service.reload()
        a = self.as_user(SJO, path=program('ptmine'))
        self.await_class(a.pid, 'marker')
        self.fence()
        self.assertFalse(self.at(a.pid, cpu='a'))

    def test_switched_off_by_the_bus(self):
        path = self.rule('cgrules-3')['Path']
        a = self.as_user(SJO)
        self.await_at(a.pid, cpu='a')
        self.service.call(path, 'Rule', 'SetEnabled', 'ba{sv}', 'false', 0)
        wait_for(lambda: place(a.pid, 'cpu') == f'{RIG}/run', lambda: self.where(a.pid))

    def test_plan(self):
        self.service.call('/Status', 'Status', 'SetMode', 's', 'observe')
        a = self.as_user(SJO)
        entry = wait_for(lambda: next((e for e in self.service.plan() if e['PID'] == a.pid), None), 'the plan to have it')
        self.assertEqual(entry['Rule'], 'cgrules-3')
        self.assertIn(f'cpu:{self.top}/a', entry['To'])

    def test_directory_beside_the_file_in_order_of_name(self):
        self.write_cgrules('cgother cpu {d}/second\n', name='cgrules.d/20.conf')
        self.write_cgrules('cgother cpu {d}/first\n', name='cgrules.d/10.conf')
        self.service.reload()
        a = self.as_user(OTHER)
        self.await_at(a.pid, cpu='first')
        self.assertEqual(self.service.explain(a.pid)['Source'], f'{self.service.dir}/cgrules.d/10.conf')


class Names(CgrulesCase):
    CGRULES = '''
sjo "cpu" "{d}/with blank/%u"
cgtest cpu {d}/%p
cgother name=systemd {d}/books
'''

    def test_blanks(self):
        a = self.as_user(SJO)
        self.await_at(a.pid, cpu='with blank/sjo')

    def test_hierarchy_without_controllers(self):
        """It is somebody's books, which AllowedRoots= leaves alone."""
        rule = self.rule('cgrules-4')
        self.assertEqual((rule['Active'], rule['Reason']), (False, 'AllowedRoots= does not reach the hierarchy of name=systemd'))

    def test_name_that_leads_elsewhere(self):
        """What a process calls itself is one component, or nothing."""
        a = self.as_user(CGTEST, 'wait', 'comm', '../../up', 'say', 'done', path=program('ptname'))
        self.await_at(a.pid, cpu='ptname')
        a.go()
        self.assertEqual(a.line(), 'done')
        self.fence()
        self.assertTrue(self.at(a.pid, cpu='ptname'), self.where(a.pid))
        self.assertEqual(self.service.explain(a.pid)['Holder'], 'error')


class Own(CgrulesCase):
    """Directories that processes give their names to."""
    CGRULES = 'sjo cpu,memory {d}/jobs/%P/x\ncgtest cpu {d}/people/%u\n'

    def gone(self, *names):
        for controller in ('cpu', 'memory'):
            for name in names:
                path = machine.hierarchy_of(controller).path(f'{self.top}/{name}')
                wait_for(lambda p=path: not os.path.exists(p), f'{path} to go')

    def test_all_of_it_goes_with_the_last_process(self):
        actors = [self.as_user(SJO) for _ in range(3)]
        for a in actors:
            self.await_at(a.pid, cpu=f'jobs/{a.pid}/x', memory=f'jobs/{a.pid}/x')
        for a in actors:
            self.kill(a.pid)
        self.gone(*(f'jobs/{a.pid}' for a in actors))
        self.assertTrue(os.path.exists(machine.hierarchy_of('cpu').path(f'{self.top}/jobs')))

    def test_also_after_a_restart(self):
        """Of one that lives through it, and of one that ends while nobody looks."""
        a, b, ends = self.as_user(SJO), self.as_user(CGTEST), self.as_user(SJO)
        for x in (a, ends):
            self.await_at(x.pid, cpu=f'jobs/{x.pid}/x', memory=f'jobs/{x.pid}/x')
        self.await_at(b.pid, cpu='people/cgtest')
        self.service.stop()
        self.kill(ends.pid)
        self.service.start()
        self.gone(f'jobs/{ends.pid}')
        self.assertTrue(self.at(a.pid, cpu=f'jobs/{a.pid}/x', memory=f'jobs/{a.pid}/x'), self.where(a.pid))
        for x in (a, b):
            self.kill(x.pid)
        self.gone(f'jobs/{a.pid}', 'people/cgtest')

    def test_what_somebody_else_made_stays(self):
        made = machine.hierarchy_of('cpu').path(f'{self.top}/people/cgtest')
        os.makedirs(made)
        a = self.as_user(CGTEST)
        self.await_at(a.pid, cpu='people/cgtest')
        b = self.as_user(SJO)
        self.await_at(b.pid, cpu=f'jobs/{b.pid}/x')
        for x in (a, b):
            self.kill(x.pid)
        self.gone(f'jobs/{b.pid}')  # they are looked at together
        self.assertTrue(os.path.exists(made))


class NotAllowed(CgrulesCase):
    ROOTS = False
    CGRULES = 'sjo cpu {d}/a\ncgtest cpu classy/\ncgother cpu users/%u\ncgother memory classy\n'
    CLASSES = '[Class classy]\nCPUWeight=50\n[Class users/%u]\nCPUWeight=20\n'

    def test_outside_of_the_roots(self):
        a = self.as_user(SJO)
        self.fence()
        self.assertEqual(place(a.pid, 'cpu'), f'{RIG}/run')
        rule = self.rule('cgrules-1')
        self.assertFalse(rule['Active'])
        self.assertIn('AllowedRoots=', rule['Reason'])
        self.assertFalse(os.path.exists(machine.hierarchy_of('cpu').path(self.top)))

    def test_a_class_that_is_not_there(self):
        rule = self.rule('cgrules-4')
        self.assertEqual((rule['Active'], rule['Reason']), (False, 'class classy is not in the hierarchy of memory (see Hierarchies= of the class)'))

    def test_a_class_of_that_name_with_its_limits(self):
        a, b = self.as_user(CGTEST), self.as_user(OTHER)
        self.await_class(a.pid, 'classy', 'cpu')
        wait_for(lambda: place(b.pid, 'cpu') == self.class_path('users/cgother'), lambda: self.where(b.pid))
        self.assertEqual(machine.hierarchy_of('cpu').version, 1)
        with open(machine.hierarchy_of('cpu').path(self.class_path('classy'), 'cpu.shares'), encoding='utf-8') as f:
            self.assertEqual(int(f.read()), 512)


class AroundClassRoot(CgrulesCase):
    """A place that has the class root in it: the classes there have rules of their own."""
    CGRULES = 'sjo cpu {d}/classes/web\ncgtest cpu {d}/free\n'
    CLASSES = '[Class web]\nCPUWeight=50\n'

    def new_service(self):
        s = super().new_service()
        s.root = f'{self.top}/classes'
        s.write_config(ClassRoot=s.root)
        return s

    def test_destination_in_the_class_root(self):
        a, b = self.as_user(SJO), self.as_user(CGTEST)
        self.await_at(b.pid, cpu='free')
        self.fence()
        self.untouched(a.pid, 'cpu')
        rule = self.rule('cgrules-1')
        self.assertFalse(rule['Active'])
        self.assertIn('lies in the class root', rule['Reason'])
        self.assertTrue(self.rule('cgrules-2')['Active'])

    def test_bytes_that_are_no_text(self):
        """They can be no place, which the rule says and not each process."""
        with open(f'{self.service.dir}/cgrules.conf', 'wb') as f:
            f.write(b'sjo cpu "%s/x\xff"\ncgtest cpu %s/free\n' % (self.top[1:].encode(), self.top[1:].encode()))
        self.service.reload()
        rule = self.rule('cgrules-1')
        self.assertEqual((rule['Active'], 'no UTF-8' in rule['Reason']), (False, True))
        self.await_at(self.as_user(CGTEST).pid, cpu='free')

    def test_allowed_root_in_the_class_root(self):
        self.service.write_config(AllowedRoots=f'{self.top} {self.top}/classes/web')
        with self.assertRaises(BusError) as refused:
            self.service.reload()
        self.assertRegex(str(refused.exception), r'pclass\.conf:\d+: AllowedRoots: \S+/classes/web lies in the class root')
        self.await_at(self.as_user(CGTEST).pid, cpu='free')


class Client(CgrulesCase):
    def test_same_answer_offline(self):
        """pclassctl test says of the file what the service does."""
        pid = self.as_user(CGTEST).pid
        self.await_at(pid, cpu='cgtest', memory='default')
        r = subprocess.run(['pclassctl', 'test', f'--cgrules={self.service.dir}/cgrules.conf', f'--uid={CGTEST}', f'--gid={CGTEST}', '--exe=/x/actor',
                            '--controllers=cpu,memory,pids', '--json'], capture_output=True, text=True, check=True)
        self.assertIn(f'"cpu":"{self.top}/cgtest"', r.stdout.replace(' ', '').replace('\\/', '/'))

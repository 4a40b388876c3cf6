"""Cases that users of cgrulesengd have: programs that change their user without PAM, threads on v1, users that come later, rules changed under load."""
import os
import shutil
import subprocess

from case import ACTOR, BIN, Case, program
from machine import place, wait_for

BOTH = ('cgroup2', 'cpu')


class Identity(Case):
    CLASSES = '[Class site]\nCPUWeight=50\n[Class tool]\nCPUWeight=50\n'
    RULES = 'site: uid=61263 gid=61264 {home} => site\ntool: uid=61265 {home} => tool\n'

    def test_change_of_user_as_suexec_does_it(self):
        """setgid, setgroups, setuid and then exec, all by the program itself; the id alone decides, not when it came."""
        a = self.spawn('wait', 'gid', 61264, 'groups', '61264,61266', 'uid', 61263, 'exec', program('ptnone'), 'say', 'new')
        self.assert_home(a.pid)
        a.go()
        self.assertEqual(a.line(), 'new')
        for h in BOTH:
            self.await_class(a.pid, 'site', h)
        self.assert_alive(a)

    def test_setuid_program(self):
        """A program with the set-user-id bit, started by another user: the exec alone changes who it is."""
        path = f'{BIN}/setuid-tool'
        shutil.copy(ACTOR, path)
        os.chown(path, 61265, 61265)
        os.chmod(path, 0o4755)
        self.addCleanup(os.unlink, path)
        a = self.as_user(61267, 'wait', 'exec', path, 'say', 'new')
        self.assert_home(a.pid)
        a.go()
        self.assertEqual(a.line(), 'new')
        with open(f'/proc/{a.pid}/status', encoding='utf-8') as f:
            uids = next(line for line in f if line.startswith('Uid:')).split()
        self.assertEqual(uids[1:3], ['61267', '61265'], 'the bit has no effect here, so nothing is tested')
        for h in BOTH:
            self.await_class(a.pid, 'tool', h)

    def test_every_thread_on_v1_too(self):
        a = self.spawn(*['thread'] * 8, 'wait', 'thread-uid', 61265)
        a.go()
        self.assertEqual(a.number('thread-done'), 0)
        for h in BOTH:
            self.await_class(a.pid, 'tool', h)
        threads = os.listdir(f'/proc/{a.pid}/task')
        self.assertEqual(len(threads), 10)
        for tid in threads:
            with open(f'/proc/{a.pid}/task/{tid}/cgroup', encoding='utf-8') as f:
                places = {line.split(':')[1]: line.rstrip('\n').split(':')[2] for line in f}
            for controllers, path in places.items():
                if controllers == '' or 'cpu' in controllers.split(','):
                    self.assertTrue(path.startswith(self.class_path('tool')), f'thread {tid}: {places}')


class LaterUsers(Case):
    """The user and the group of a rule do not exist when it is loaded, and then they do."""
    CLASSES = '[Class a]\n[Class b]\n'
    RULES = 'user: user=ptlate {home} => a\ngroup: group=ptlategrp {home} => b\n'

    def rule(self, name):
        return next(r for r in self.service.rules() if r['Name'] == name)

    def database(self, *command):
        subprocess.run(command, check=True, capture_output=True)

    def test_rules_wait_for_them(self):
        running = self.as_user(61290)
        group = self.spawn('egid', 61291)
        self.assert_home(running.pid, group.pid)
        self.assertEqual([(self.rule(n)['Active'], self.rule(n)['Reason']) for n in ('user', 'group')],
                         [(False, 'no such user: ptlate'), (False, 'no such group: ptlategrp')])
        self.database('groupadd', '-g', '61291', 'ptlategrp')
        self.addCleanup(self.database, 'groupdel', 'ptlategrp')
        self.await_class(group.pid, 'b')
        self.database('useradd', '-K', 'UID_MAX=61299', '-u', '61290', '-g', '61291', '-M', 'ptlate')
        self.addCleanup(self.database, 'userdel', '-f', 'ptlate')
        self.await_class(running.pid, 'a')  # it was there before its user had a name
        self.assertTrue(self.rule('user')['Active'])
        self.await_class(self.as_user(61290).pid, 'a')

    def test_users_that_go_again(self):
        self.database('useradd', '-K', 'UID_MAX=61299', '-u', '61292', '-M', '-N', 'ptlate')
        gone = []
        self.addCleanup(lambda: gone or self.database('userdel', '-f', 'ptlate'))
        a = self.as_user(61292)
        self.await_class(a.pid, 'a')
        self.database('userdel', '-f', 'ptlate')
        gone.append(True)
        wait_for(lambda: not self.rule('user')['Active'], 'the rule to be inactive')
        self.await_home(a.pid)


class ReloadUnderLoad(Case):
    CLASSES = '[Class a]\n[Class b]\n'
    RULES = 'one: comm=pta {home} => a\n'
    MARKER = 'marker: comm=ptmarker {home} => marker\n'

    def test_reload_while_events_pour_in(self):
        actors = []
        for n in range(12):
            actors.append(self.spawn('exec', program('pta'), 'chain', 40))
            self.service.write_rules(self.MARKER + f'pad{n}: comm=ptnobody{n} {{home}} => b\none: comm=pta {{home}} => {"ab"[n % 2]}\n')
            self.service.reload()
        pids = [p for a in actors for p in [a.pid] + [a.child() for _ in range(40)]]
        wait_for(lambda: all(self.in_class(p, 'b') for p in pids),
                 lambda: f'{sum(not self.in_class(p, "b") for p in pids)} of {len(pids)} not where the last rules want them', 30)
        for a in actors:
            self.assert_alive(a)
        self.service.write_rules(self.MARKER)
        self.service.reload()
        wait_for(lambda: all(place(p) == self.service.home for p in pids),
                 lambda: f'{sum(place(p) != self.service.home for p in pids)} of {len(pids)} not at home', 30)
        for p in pids:
            self.kill(p)

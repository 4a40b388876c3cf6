"""Rules on a running machine: added and removed live, kept, reloaded, switched off; and what a condition really catches."""
import os

import guard
from case import Case, program
from machine import place, wait_for
from service import BusError

CLASSES = '[Class a]\n[Class b]\n[Class c]\n'


class Live(Case):
    CLASSES = CLASSES

    def test_added_and_removed(self):
        """busctl call org.pclass /Rules org.pclass.Rules Add: members come, and go back to their origin."""
        here = self.spawn(path=program('pta'))
        elsewhere = self.spawn(path=program('pta'), cgroup=self.subgroup('below'))
        self.assert_home(here.pid)
        rule = self.service.add_rule('live: comm=pta {home} => a')
        # The answer comes when the moves are done.
        self.assertTrue(self.in_class(here.pid, 'a'), self.where(here.pid))
        self.assertTrue(self.in_class(elsewhere.pid, 'a'), self.where(elsewhere.pid))
        later = self.spawn(path=program('pta'))
        self.await_class(later.pid, 'a')
        self.service.remove_rule(rule)
        for actor, cgroup in ((here, self.service.home), (later, self.service.home), (elsewhere, f'{self.service.home}/below')):
            self.assertEqual(place(actor.pid), cgroup, self.where(actor.pid))
            self.assert_alive(actor)

    def subgroup(self, name):
        path = f'{self.service.home}/{name}'
        import machine
        return machine.make_cgroup(path)

    def test_origin_that_is_gone(self):
        """It goes to the nearest living parent of its origin."""
        import machine
        cgroup = self.subgroup('below')
        a = self.spawn(path=program('pta'), cgroup=cgroup)
        rule = self.service.add_rule('live: comm=pta {home} => a')
        self.assertTrue(self.in_class(a.pid, 'a'), self.where(a.pid))
        wait_for(lambda: not machine.members(cgroup), 'the origin to be empty')
        os.rmdir(machine.UNIFIED.path(cgroup))
        self.service.remove_rule(rule)
        self.await_home(a.pid)

    def test_child_of_a_member_goes_where_its_parent_came_from(self):
        a = self.spawn('exec', program('pta'), 'wait', 'fork', 'exec', program('ptnone'), 'END')
        rule = self.service.add_rule('live: comm=pta {home} => a')
        a.go()
        child = a.child()
        self.await_class(child, 'a')
        self.service.remove_rule(rule)
        self.await_home(a.pid)
        self.await_home(child)

    def test_first_match_decides_and_a_later_rule_takes_over(self):
        a = self.spawn(path=program('pta'))
        first = self.service.add_rule('first: comm=pta {home} => a')
        self.service.add_rule('second: comm=pt* {home} => b', 'after', 's', 'first')
        self.assertTrue(self.in_class(a.pid, 'a'), self.where(a.pid))
        self.service.remove_rule(first)
        self.await_class(a.pid, 'b')

    def test_runtime_rule_survives_a_restart(self):
        self.service.add_rule('live: comm=pta {home} => a')
        generation = self.service.get('/Rules', 'Rules', 'Generation')
        self.service.restart()
        self.assertGreater(self.service.get('/Rules', 'Rules', 'Generation'), generation)
        names = [r['Name'] for r in self.service.rules()]
        self.assertIn('live', names)
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'a')

    def test_wrong_rule_changes_nothing(self):
        before = self.service.rules()
        with self.assertRaises(BusError) as caught:
            self.service.call('/Rules', 'Rules', 'Add', 'sa{sv}', self.service.fill('live: uid=61210 {home} => '), 0)
        self.assertRegex(str(caught.exception), r'column \d+: expected')
        with self.assertRaises(BusError):
            self.service.call('/Rules', 'Rules', 'Add', 'sa{sv}', self.service.fill('live: nokey=61210 {home} => a'), 0)
        self.assertEqual(self.service.rules(), before)

    def test_name_is_taken(self):
        self.service.add_rule('live: uid=61210 {home} => a')
        with self.assertRaises(BusError):
            self.service.add_rule('live: uid=61211 {home} => a')
        self.assertEqual(len([r for r in self.service.rules() if r['Name'] == 'live']), 1)


class Files(Case):
    CLASSES = CLASSES
    RULES = 'one: comm=pta {home} => a\n'

    def test_reload(self):
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'a')
        self.service.write_rules('marker: comm=ptmarker {home} => marker\none: comm=pta {home} => b\n')
        self.service.reload()
        self.await_class(a.pid, 'b')

    def test_reload_with_an_error_keeps_everything(self):
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'a')
        self.service.write_rules('# a comment\nnew: comm=pta {home} => b\nbad: comm=ptb {home} uid=61210x => b\n')
        with self.assertRaises(BusError) as caught:
            self.service.reload()
        self.assertRegex(str(caught.exception), r'50-test\.rules:3:\d+: ')
        later = self.spawn(path=program('pta'))
        self.await_class(later.pid, 'a')
        self.assertTrue(self.in_class(a.pid, 'a'), self.where(a.pid))

    def test_files_that_a_new_configuration_names_are_read_before_it_is_taken(self):
        """With an error in them the service would end and not come back."""
        before = self.service.daemons()
        for name in ('other.d/bad.rules', 'bad-cgrules.conf'):
            os.makedirs(os.path.dirname(f'{self.service.dir}/{name}'), exist_ok=True)
            self.service.write(name, 'none cpu ../bad\n')
        for change, said in (({'RuleDirs': f'{self.service.dir}/other.d'}, r'/other\.d/bad\.rules:1:\d+: '),
                             ({'CgrulesFile': f'{self.service.dir}/bad-cgrules.conf'}, r'/bad-cgrules\.conf:1:\d+: '),
                             ({'CgrulesFile': f'{self.service.dir}/none.conf'}, r'/none\.conf: cannot be read: No such file or directory'),
                             ({'CgrulesFile': '/etc'}, '/etc: cannot be read: Is a directory')):
            kept = dict(self.service.config)
            self.service.write_config(**change)
            with self.assertRaises(BusError) as caught:
                self.service.reload()
            self.assertRegex(str(caught.exception), said)
            self.service.config = kept
        self.service.write_config(RuleDirs=f'{self.service.dir}/other.d')
        self.service.write('other.d/bad.rules', self.service.fill('only: comm=pta {home} => b\n'))
        self.assertEqual(self.service.daemons(), before)  # also not started anew later
        self.await_class(self.spawn(path=program('pta')).pid, 'a')
        self.service.reload()
        self.service.wait_ended()
        self.service.start()
        self.await_class(self.spawn(path=program('pta')).pid, 'b')

    def test_what_is_called_like_a_file_and_is_none_is_said(self):
        for name in ('rules.d/pipe.rules', 'classes.d/pipe.conf'):
            os.mkfifo(f'{self.service.dir}/{name}')
        for name in ('rules.d/link.rules', 'classes.d/link.conf'):
            os.symlink('/nonexistent/file', f'{self.service.dir}/{name}')
        self.service.reload()
        self.service.restart()
        self.await_class(self.spawn(path=program('pta')).pid, 'a')
        log = self.service.log()
        for name in ('rules.d/pipe.rules', 'rules.d/link.rules', 'classes.d/pipe.conf', 'classes.d/link.conf'):
            self.assertEqual(log.count(f'{self.service.dir}/{name} is left out: '), 2, log)

    def test_unknown_key_names_file_line_and_column(self):
        self.service.write_rules('ok: uid=61210 {home} => a\nbad: uid=61211 colour=red {home} => b\n')
        with self.assertRaises(BusError) as caught:
            self.service.reload()
        self.assertIn('50-test.rules:2:16: ', str(caught.exception))

    def test_a_file_in_the_directory_is_read_in_order_of_its_name(self):
        self.service.write_rules('zero: comm=pta {home} => c\n', '10-first.rules')
        self.service.reload()
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'c')

    def test_rule_for_a_class_that_does_not_exist_is_inactive(self):
        self.service.write_rules('lost: comm=pta {home} => nowhere\nmarker: comm=ptmarker {home} => marker\n')
        self.service.reload()
        a = self.spawn(path=program('pta'))
        self.assert_home(a.pid)
        lost = next(r for r in self.service.rules() if r['Name'] == 'lost')
        self.assertFalse(lost['Active'])
        self.assertIn('nowhere', lost['Reason'])


class Disabled(Case):
    CLASSES = CLASSES
    RULES = 'off: comm=pta {home} => a disabled\non: comm=ptb {home} => b\n'

    def test_disabled_rule_does_nothing(self):
        a = self.spawn(path=program('pta'))
        self.assert_home(a.pid)

    def test_switched_off_and_on_by_the_bus(self):
        b = self.spawn(path=program('ptb'))
        self.await_class(b.pid, 'b')
        path = next(r for r in self.service.rules() if r['Name'] == 'on')['Path']
        self.service.call(path, 'Rule', 'SetEnabled', 'ba{sv}', 'false', 0)
        self.await_home(b.pid)
        self.service.restart()
        self.assertEqual(place(b.pid), self.service.home, 'a rule that was switched off is on again after a restart')
        path = next(r for r in self.service.rules() if r['Name'] == 'on')['Path']
        self.service.call(path, 'Rule', 'SetEnabled', 'ba{sv}', 'true', 0)
        self.await_class(b.pid, 'b')


class Conditions(Case):
    CLASSES = CLASSES + '[Class d]\n'
    RULES = '''
skip:    comm=ptignore {home} => ignore
range:   uid=61230-61239 {home} => a
user:    user=ptest1 {home} => b
low:     uid<=61240 uid>=61240 uid=61240-61241 {home} => c
egroup:  group=ptgroup {home} => c
agroup:  group=@ptextra {home} => d
member:  member=ptteam user=ptest2|ptest3 {home} => a
negated: !comm=pta|ptnone|actor|ptmarker arg0~".*/ptr[e]?gex" {home} => b
quoted:  comm="pt blank" {home} => a
all:     comm=pt?lob[0-9] {home} => c
'''

    def test_ignore(self):
        a = self.spawn('wait', 'uid', 61235, 'say', 'done', path=program('ptignore'))
        a.go()  # a later rule matches from now on, but the first one decides
        self.assertEqual(a.line(), 'done')
        self.assert_home(a.pid)
        self.assertTrue(self.service.explain(a.pid)['Ignored'])

    def test_uid_range(self):
        inside = [self.as_user(61230), self.as_user(61239)]
        outside = [self.as_user(61229), self.as_user(61242)]
        for a in inside:
            self.await_class(a.pid, 'a')
        self.assert_home(*(a.pid for a in outside))

    def test_uid_comparison(self):
        a = self.as_user(61240)
        self.await_class(a.pid, 'c')

    def test_user_by_name(self):
        a = self.as_user(guard.USERS['ptest1'])
        self.await_class(a.pid, 'b')

    def test_effective_group(self):
        """group=g is the effective gid alone."""
        import grp
        gid = grp.getgrnam('ptgroup').gr_gid
        effective = self.spawn('egid', gid)
        supplementary = self.spawn('groups', gid, 'exec', program('ptnone'), 'say', 'done')
        self.assertEqual(supplementary.line(), 'done')
        self.await_class(effective.pid, 'c')
        self.assert_home(supplementary.pid)

    def test_supplementary_group(self):
        import grp
        gid = grp.getgrnam('ptextra').gr_gid
        supplementary = self.spawn('groups', f'61250,{gid}', 'exec', program('ptnone'))
        effective = self.spawn('egid', gid, 'exec', program('ptnone'))
        self.await_class(supplementary.pid, 'd')
        self.await_class(effective.pid, 'd')

    def test_member_of_a_group_by_the_user_database(self):
        """ptest2 is in ptteam, ptest3 is not; neither process has the group."""
        member, other = self.as_user(guard.USERS['ptest2']), self.as_user(guard.USERS['ptest3'])
        self.await_class(member.pid, 'a')
        self.assert_home(other.pid)

    def test_negation_and_regex(self):
        yes = self.spawn(path=program('ptregex'))
        no = self.spawn(path=program('ptregexx'))
        self.await_class(yes.pid, 'b')
        self.assert_home(no.pid)

    def test_quoted_name(self):
        a = self.spawn(path=program('pt blank'))
        self.await_class(a.pid, 'a')

    def test_glob(self):
        yes, no = self.spawn(path=program('ptglob7')), self.spawn(path=program('ptglobx'))
        self.await_class(yes.pid, 'c')
        self.assert_home(no.pid)


class PatternsOverGroups(Case):
    """Names of groups that only processes have are asked for when the first one comes; whoever it is must not be left behind for that."""
    CLASSES = '[Class a]\n[Class b]\n'
    RULES = 'extra: group=@ptextr* {home} => a\nmember: member=pttea* {home} => b\n'

    def test_supplementary_group_seen_for_the_first_time(self):
        import grp
        gid = grp.getgrnam('ptextra').gr_gid
        a = self.spawn('groups', f'61250,{gid}', 'exec', program('ptnone'))
        self.await_class(a.pid, 'a')

    def test_group_of_a_user_seen_for_the_first_time(self):
        self.await_class(self.as_user(guard.USERS['ptest2']).pid, 'b')


class Exact(Case):
    CLASSES = '[Class a]\n[Class a/sub]\n[Class b]\n'
    RULES = 'sub: uid=61210 {home} => a/sub\nplain: uid=61211 {home} => a\nexact: uid=61212 {home} => a exact\n'

    def test_below_its_class_it_is_left_alone(self):
        a = self.spawn('euid', 61210, 'wait', 'euid', 0, 'euid', 61211, 'say', 'done')
        self.await_class(a.pid, 'a/sub')
        a.go()
        self.assertEqual(a.line(), 'done')
        self.fence()
        self.assertTrue(self.in_class(a.pid, 'a/sub'), self.where(a.pid))

    def test_exact_takes_it_out(self):
        a = self.spawn('euid', 61210, 'wait', 'euid', 0, 'euid', 61212)
        self.await_class(a.pid, 'a/sub')
        a.go()
        self.await_class(a.pid, 'a')

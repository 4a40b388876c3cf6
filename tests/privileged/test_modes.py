"""Observe, plan, enforce; and explain, which must say the same."""
import machine
from case import Case, program
from machine import place, wait_for

CLASSES = '[Class a]\n[Class b]\n'
RULES = 'one: comm=pta {home} => a\ntwo: uid=61210 {home} => b\n'


class Observe(Case):
    CLASSES, RULES, CONFIG = CLASSES, RULES, {'Mode': 'observe'}

    def population(self):
        return self.spawn(path=program('pta')), self.as_user(61210), self.spawn()

    def seen(self, *actors):
        """Waits until the service has decided on them: in observe mode nothing else can be seen."""
        for a in actors:
            x = self.service.explain(a.pid)
            self.assertEqual(x['PID'], a.pid)
        self.service.ctl('status')

    def test_observe_moves_nothing(self):
        actors = self.population()
        self.seen(*actors)
        for a, rule in zip(actors[:2], ('one', 'two')):
            x = self.service.explain(a.pid)
            self.assertEqual((x['Rule'], x['Holder']), (rule, 'observe'))
            self.assertEqual(place(a.pid), self.service.home)

    def test_plan_is_what_enforce_does(self):
        actors = self.population()
        before = {a.pid: place(a.pid) for a in actors}
        plan = {p['PID']: p for p in self.service.plan()}
        self.assertEqual(set(plan), {a.pid for a in actors[:2]})
        self.assertEqual({a.pid: place(a.pid) for a in actors}, before, 'a plan moved something')
        self.service.ctl('enforce')
        for a in actors:
            now = place(a.pid)
            if a.pid in plan:
                self.assertIn(now, plan[a.pid]['To'])
                self.assertIn(before[a.pid], plan[a.pid]['From'])
                self.assertTrue(self.in_class(a.pid, plan[a.pid]['Class']))
            else:
                self.assertEqual(now, before[a.pid])
        self.assertEqual([p for p in self.service.plan()], [])

    def test_mode_is_switched_and_kept(self):
        a = self.spawn(path=program('pta'))
        self.service.ctl('enforce')
        self.await_class(a.pid, 'a')
        self.assertEqual(self.service.get('/Status', 'Status', 'Mode'), 'enforce')
        self.service.restart()
        self.assertEqual(self.service.get('/Status', 'Status', 'Mode'), 'enforce')
        self.service.ctl('observe')
        self.assertEqual(self.service.get('/Status', 'Status', 'Mode'), 'observe')
        later = self.spawn(path=program('pta'))
        self.assertEqual(self.service.explain(later.pid)['Holder'], 'observe')
        self.assertEqual(place(later.pid), self.service.home)


class Plan(Case):
    CLASSES, RULES = CLASSES, RULES

    def test_plan_for_candidate_rules_writes_nothing_and_comes_true(self):
        a, b, other = self.spawn(path=program('pta')), self.spawn(path=program('ptb')), self.spawn()
        self.await_class(a.pid, 'a')
        text = 'take: comm=pta|ptb {home} => b'
        before = {x.pid: place(x.pid) for x in (a, b, other)}
        rules = self.service.rules()
        plan = {p['PID']: p for p in self.service.plan(text)}
        self.assertEqual(set(plan), {a.pid, b.pid})
        self.assertEqual({x.pid: place(x.pid) for x in (a, b, other)}, before)
        self.assertEqual(self.service.rules(), rules)
        for x in (a, b):
            self.assertIn(before[x.pid], plan[x.pid]['From'])
            self.assertEqual(plan[x.pid]['Rule'], 'take')
            self.assertIn('comm=pta|ptb', plan[x.pid]['Reason'])
        self.service.add_rule(text)
        for x in (a, b):
            self.assertIn(place(x.pid), plan[x.pid]['To'])
        self.assertEqual(place(other.pid), before[other.pid])


class PlanOfProtected(Case):
    """Before anything was ever moved: only the broker knows whom it protects."""
    CONFIG = {'Mode': 'observe', 'ProtectUsers': '61222'}
    CLASSES = '[Class a]\n[Class few]\nAllowedUsers=root\n[Class kinds/%p]\nAllowedUsers=root\n[Class users/%u]\nAllowedUsers=root\n'
    RULES = 'few: uid=61223 comm=pta {home} => few\nkind: uid=61223 {home} => kinds/%p\none: comm=pta {home} => a\n'

    def new_service(self):
        s = super().new_service()
        s.write_config(Protect=f'{s.home}/kept')
        return s

    def test_they_are_held(self):
        kept = self.spawn(path=program('pta'), cgroup=machine.make_cgroup(f'{self.service.home}/kept'))
        others = {'user': self.as_user(61222, path=program('pta')), 'class': self.as_user(61223, path=program('pta')), 'template': self.as_user(61223)}
        free = self.spawn(path=program('pta'))
        of_class = ('protected', 'its user (AllowedUsers= of the class)')
        wanted = {kept.pid: ('protected', 'its cgroup (Protect=), or it is of pclass'), free.pid: ('', ''),
                  others['user'].pid: ('protected', 'its user (ProtectUsers=)'), others['class'].pid: of_class, others['template'].pid: of_class}

        # Nobody has asked for that user's name yet: only with it the target is known, about which the broker is to be asked.
        named = self.as_user(61204)
        first = {p['PID']: (p['Holder'], p['HolderDetail'], p['Class']) for p in self.service.plan('named: uid=61204 {home} => users/%u')}
        self.assertEqual(first[named.pid], (*of_class, 'users/ptest4'))

        def plan():
            return {p['PID']: (p['Holder'], p['HolderDetail']) for p in self.service.plan() if p['PID'] in wanted}

        wait_for(lambda: len(plan()) == len(wanted), 'all of them to be in the plan')
        self.assertEqual(plan(), wanted)
        self.service.call('/Status', 'Status', 'SetMode', 's', 'enforce')
        self.await_class(free.pid, 'a')
        for a in (kept, *others.values()):
            self.assertFalse(place(a.pid).startswith(self.service.root), self.where(a.pid))


class Explain(Case):
    CLASSES = CLASSES
    RULES = 'zero: comm=ptz uid=61210 {home} => b\n' + RULES

    def test_explain_names_the_winner_and_why_others_lost(self):
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'a')
        x = self.service.explain(a.pid)
        self.assertEqual((x['Rule'], x['Class'], x['InPlace'], x['Holder']), ('one', 'a', True, ''))
        self.assertTrue(x['Source'].endswith('/50-test.rules'))
        self.assertEqual(x['Line'], 3)  # after the marker's and zero
        zero = next(s for s in x['Steps'] if s['Rule'] == 'zero')
        self.assertEqual((zero['Condition'], zero['Line']), ('comm=ptz', 2))
        self.assertEqual(x['Origin'], self.service.home)
        facts = {f['Name']: f.get('Value') for f in x['Facts']}
        self.assertEqual(facts['comm'], 'pta')
        self.assertEqual(facts['cgroup'], self.service.home)

    def test_explain_by_pclassctl(self):
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'a')
        text = self.service.ctl('explain', str(a.pid))
        for part in ('one', '50-test.rules:3', 'comm=ptz', 'pta'):
            self.assertIn(part, text)

    def test_explain_of_a_pid_that_is_not_there(self):
        a = self.spawn()
        a.process.kill()
        a.process.wait()
        self.service.ctl('explain', str(a.pid), status=10)

    def test_not_running_is_its_own_status(self):
        self.service.stop()
        self.service.ctl('status', status=8)

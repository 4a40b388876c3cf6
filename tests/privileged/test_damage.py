"""Files that the service keeps over a restart, damaged between two starts: it has the state of before, says so, and is never silently empty."""
import os

from case import Case, program
from machine import place
from service import BusError

WHOLE = ('state/rules', 'state/disabled', 'state/mode', 'run/tuned', 'run/runtime-classes')


class Damage(Case):
    CLASSES = '[Class a]\n[Class web]\nTunable=CPUWeight\n'
    RULES = 'one: comm=pta {home} => a\nsticky: comm=ptb {home} => a sticky\n'

    def change_twice(self):
        """Of everything there is a state and one before it."""
        rules = [self.service.add_rule(f'added-{n}: comm=ptno {{home}} => a') for n in (1, 2)]
        for n, (rule, mode) in enumerate(zip(rules, ('observe', 'enforce')), 1):
            self.service.call('/Classes/web', 'Class', 'SetProperties', 'a{sv}', 1, 'CPUWeight', 's', 100 * n)
            self.service.call('/Classes', 'Classes', 'Add', 'sa{sv}', f'runtime/made-{n}', 0)
            self.service.call(rule, 'Rule', 'SetEnabled', 'ba{sv}', 'false', 0)
            self.service.call('/Status', 'Status', 'SetMode', 's', mode)

    def state(self):
        rules = {r['Name']: r['Enabled'] for r in self.service.rules() if r['Name'].startswith('added-')}
        classes = {c['Name'] for c in self.service.call('/Classes', 'Classes', 'List', 'a{sv}', 0) if c['Name'].startswith('runtime/')}
        return rules, classes, self.service.get('/Classes/web', 'Class', 'Properties').get('CPUWeight'), self.service.get('/Status', 'Status', 'Mode')

    def flip(self, name):
        """One bit of the last byte but one."""
        with open(f'{self.service.dir}/{name}', 'r+b') as f:
            f.seek(-2, os.SEEK_END)
            byte = f.read(1)[0]
            f.seek(-2, os.SEEK_END)
            f.write(bytes([byte ^ 4]))

    def said_by(self, start):
        """What the service says until start() returns."""
        with open(f'{self.service.dir}/log', encoding='utf-8') as f:
            f.seek(0, os.SEEK_END)
            start()
            return f.read()

    def found(self):
        """{subject: (problem, remedy)} of what doctor says of kept files."""
        return {f['Subject']: (f['Problem'], f['Remedy']) for f in self.service.call('/Status', 'Status', 'Doctor') if f['Id'] == 'state-damaged'}

    def test_whole_files(self):
        self.change_twice()
        last = ({'added-1': False, 'added-2': False}, {'runtime/made-1', 'runtime/made-2'}, '200', 'enforce')
        self.assertEqual(self.state(), last)
        self.service.restart()
        self.assertEqual(self.state(), last)
        self.assertEqual(self.found(), {})
        self.service.stop()
        for name in WHOLE:
            self.flip(name)
        said = self.said_by(self.service.start)
        # The rules of the first save: without added-2, whose name the list of those switched off does not mind.
        self.assertEqual(self.state(), ({'added-1': False}, {'runtime/made-1'}, '100', 'observe'))
        self.assertEqual(said.count('damaged'), len(WHOLE), said)
        found = self.found()
        self.assertEqual(set(found), {'rules added at run time', 'rules that were switched off', 'the mode that was set', 'properties changed at run time',
                                      'classes made at run time'})
        for subject, (problem, remedy) in found.items():
            self.assertRegex(problem, 'the file [a-z-]+ was damaged; the copy of before its last change is taken', subject)
            self.assertIn('make anew what is missing', remedy)

    def test_whole_files_that_are_gone(self):
        """Who removes one of the two has not said that he wants neither."""
        self.change_twice()
        self.service.stop()
        for name in WHOLE:
            os.unlink(f'{self.service.dir}/{name}')
        said = self.said_by(self.service.start)
        self.assertEqual(self.state(), ({'added-1': False}, {'runtime/made-1'}, '100', 'observe'))
        self.assertEqual(said.count('gone; the copy'), len(WHOLE), said)
        self.assertIn('remove rules.previous too', self.found()['rules added at run time'][0])
        self.service.stop()
        for name in WHOLE:
            os.unlink(f'{self.service.dir}/{name}.previous')
        self.service.start()
        self.assertEqual(self.state(), ({}, set(), None, 'enforce'))
        self.assertEqual(self.found(), {})

    def test_rules_without_a_copy(self):
        """The other rules hold; whom these placed stays, and the file does too."""
        self.service.add_rule('added: comm=ptc {home} => web')
        kept, other = self.spawn(path=program('ptc')), self.spawn(path=program('pta'))
        self.await_class(kept.pid, 'web')
        self.await_class(other.pid, 'a')
        self.service.stop()
        self.flip('state/rules')
        with open(f'{self.service.dir}/state/rules', 'rb') as f:
            damaged = f.read()
        self.service.expected = 'degraded'
        self.assertIn('the file rules is damaged', self.said_by(self.service.start))
        self.assertIn('the rules added at run time are not in force', self.service.get('/Status', 'Status', 'StateReason'))
        problem, remedy = self.found()['rules added at run time']
        self.assertIn('the file rules is damaged', problem)
        self.assertIn(f'{self.service.dir}/state/rules', remedy)
        with self.assertRaisesRegex(BusError, 'state/rules is damaged or cannot be read, and is not overwritten'):
            self.service.add_rule('another: comm=ptno {home} => a')
        self.await_class(self.spawn(path=program('pta')).pid, 'a')
        self.assertTrue(self.in_class(kept.pid, 'web'), self.where(kept.pid))
        with open(f'{self.service.dir}/state/rules', 'rb') as f:
            self.assertEqual(f.read(), damaged)
        self.service.stop()
        self.flip('state/rules')  # mended
        self.service.expected = 'running'
        self.service.start()
        self.assertEqual(self.service.explain(kept.pid)['Rule'], 'added')
        self.assertEqual(self.found(), {})

    def test_nothing_to_go_on_with(self):
        self.service.stop()
        for name in ('mode', 'assignments'):
            self.service.write(f'state/{name}', '# checksum')
        os.mkdir(f'{self.service.dir}/state/rules')
        self.service.write_config(Mode='observe')
        self.service.expected = 'degraded'
        self.service.start()
        self.assertEqual(set(self.found()), {'rules added at run time', 'the mode that was set', 'processes assigned by hand'})
        self.assertEqual(self.service.get('/Status', 'Status', 'Mode'), 'observe')
        self.service.stop()
        self.service.write('state/disabled', '# checksum')  # without that, rules would hold that somebody wanted off
        with self.assertRaisesRegex(AssertionError, 'ended with status 78'):
            self.service.start()
        self.assertIn('the file disabled is damaged', self.service.log())

    def test_journals(self):
        """Each line stands for itself: one process's origin is lost, the other two have theirs."""
        sticky = self.spawn('exec', program('ptb'), 'wait', 'exec', program('ptnone'), 'wait')
        others = [self.spawn(path=program('pta')) for _ in range(2)]
        for a in (sticky, *others):
            self.await_class(a.pid, 'a')
        sticky.go()
        self.service.restart()
        self.assertEqual(self.service.explain(sticky.pid)['Rule'], 'sticky')  # by its mark
        self.service.stop()
        self.flip('run/origins')
        self.flip('state/marks')
        said = self.said_by(self.service.start)
        self.assertEqual(said.count('damaged'), 2, said)
        self.assertEqual(set(self.found()), {'sticky processes', 'where processes came from'})
        self.assertEqual(self.service.explain(sticky.pid)['Rule'], '')
        known = {a.pid: self.service.explain(a.pid)['Origin'] for a in (sticky, *others)}
        self.assertEqual(sorted(known.values()), ['', self.service.home, self.service.home])
        self.service.write_rules('sticky: comm=ptb {home} => a sticky\n')
        self.service.reload()  # whom no rule wants any more goes home, if it is known where that is
        for a in others:
            self.assertEqual(place(a.pid), known[a.pid] or self.class_path('a'))

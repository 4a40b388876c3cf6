"""Files that the service keeps over a restart, damaged between two starts: it has the state of before, says so, and is never silently empty."""
import os

from case import Case, program
from machine import place

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

    def test_whole_files(self):
        self.change_twice()
        last = ({'added-1': False, 'added-2': False}, {'runtime/made-1', 'runtime/made-2'}, '200', 'enforce')
        self.assertEqual(self.state(), last)
        self.service.restart()
        self.assertEqual(self.state(), last)
        self.service.stop()
        for name in WHOLE:
            self.flip(name)
        said = self.said_by(self.service.start)
        # The rules of the first save: without added-2, whose name the list of those switched off does not mind.
        self.assertEqual(self.state(), ({'added-1': False}, {'runtime/made-1'}, '100', 'observe'))
        self.assertEqual(said.count('damaged'), len(WHOLE), said)

    def test_rules_without_a_copy(self):
        """There is nothing to go on with, and without these rules their processes would be sent home."""
        self.service.add_rule('added: comm=ptno {home} => a')
        self.service.stop()
        self.flip('state/rules')

        def fails():
            with self.assertRaisesRegex(AssertionError, 'ended with status 78'):
                self.service.start()

        self.assertIn('the file rules is damaged', self.said_by(fails))
        os.unlink(f'{self.service.dir}/state/rules')
        self.service.start()

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
        self.assertEqual(self.service.explain(sticky.pid)['Rule'], '')
        known = {a.pid: self.service.explain(a.pid)['Origin'] for a in (sticky, *others)}
        self.assertEqual(sorted(known.values()), ['', self.service.home, self.service.home])
        self.service.write_rules('sticky: comm=ptb {home} => a sticky\n')
        self.service.reload()  # whom no rule wants any more goes home, if it is known where that is
        for a in others:
            self.assertEqual(place(a.pid), known[a.pid] or self.class_path('a'))

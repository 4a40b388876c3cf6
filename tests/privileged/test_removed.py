"""A class's cgroup that something else removes: made again without a restart, or reported, as Sweep= says."""
import os
import signal

from case import Case, program
from machine import HIERARCHIES, hierarchy_of, wait_for

CLASSES = '[Class a]\nTasksMax=77\n[Class a/deep]\nTasksMax=33\n[Class kinds/%p]\n'
RULES = 'a: comm=pta {home} => a\ndeep: comm=ptb {home} => a/deep\nkind: comm=pt-* {home} => kinds/%p\n'


class Removed(Case):
    CLASSES = CLASSES
    RULES = RULES

    def setUp(self):
        super().setUp()
        self.before = self.service.daemons()

    def rmdir(self, *names):
        """Everywhere, the leaf of its members too; the broker is held meanwhile, or it would make the first again."""
        daemons = self.service.daemons()
        broker = daemons.get('exereader', daemons['broker'])  # supervised, it is a child of the process that was started
        os.kill(broker, signal.SIGSTOP)
        try:
            for name in names:
                self.rmdir_one(name)
        finally:
            os.kill(broker, signal.SIGCONT)

    def rmdir_one(self, name):
        for h in HIERARCHIES:
            for part in (f'{name}/+members', name):
                if os.path.isdir(h.path(self.class_path(part))):
                    os.rmdir(h.path(self.class_path(part)))

    def is_there(self, name, controller='cgroup2'):
        return os.path.isdir(hierarchy_of(controller).path(self.class_path(name)))

    def tasks_max(self, name):
        try:
            with open(hierarchy_of('pids').path(self.class_path(name), 'pids.max'), encoding='utf-8') as f:
                return f.read().strip()
        except FileNotFoundError:
            return None

    def test_nobody_has_to_come(self):
        self.rmdir('a/deep')
        wait_for(lambda: self.is_there('a/deep') and self.tasks_max('a/deep') == '33', 'the class to be made again')
        self.assertEqual(self.service.daemons(), self.before)
        b = self.spawn(path=program('ptb'))
        self.await_class(b.pid, 'a/deep')
        self.assertIn('was removed in', self.service.log())
        self.assertGreater(self.counter('classes_found_changed'), 0)

    def test_with_the_class_above(self):
        self.rmdir('a/deep', 'a')
        b = self.spawn(path=program('ptb'))
        self.await_class(b.pid, 'a/deep')
        wait_for(lambda: self.tasks_max('a') == '77' and self.tasks_max('a/deep') == '33', 'the limits to be back')
        a = self.spawn(path=program('pta'))
        self.await_class(a.pid, 'a')
        self.assertEqual(self.service.daemons(), self.before)

    def test_on_another_hierarchy(self):
        """There the move finds it."""
        os.rmdir(hierarchy_of('pids').path(self.class_path('a/deep')))
        b = self.spawn(path=program('ptb'))
        self.await_class(b.pid, 'a/deep', 'pids')
        self.assertEqual(self.tasks_max('a/deep'), '33')
        self.assertEqual(self.service.daemons(), self.before)

    def test_still_tells_of_empty(self):
        self.rmdir('a/deep')
        wait_for(lambda: self.is_there('a/deep'), 'the class to be made again')
        b = self.spawn(path=program('ptb'))
        self.await_class(b.pid, 'a/deep')
        wait_for(lambda: not self.service.get('/Classes/a_2fdeep', 'Class', 'Empty'), 'the class to be inhabited')
        b.process.kill()
        b.process.wait()
        wait_for(lambda: self.service.get('/Classes/a_2fdeep', 'Class', 'Empty'), 'the class to be empty')

    def test_instance(self):
        """An instance without members is nobody's loss; one that is wanted is made."""
        a = self.spawn('exec', program('pt-x'), 'wait', 'exec', program('ptnone'), 'wait')
        self.await_class(a.pid, 'kinds/pt-x')
        self.kill(a.pid)
        a.process.wait()
        wait_for(lambda: not self.is_there('kinds/pt-x'), 'the empty instance to be removed')
        self.await_class(self.spawn(path=program('pt-x')).pid, 'kinds/pt-x')
        self.assertEqual(self.service.daemons(), self.before)

    def test_class_root(self):
        """It can be made only by a new start, of which there is one."""
        self.service.options = ['--supervise']
        self.service.restart()
        before = self.service.daemons()['listener']
        self.rmdir('a/deep', 'a', 'kinds', 'marker', '')
        b = self.spawn(path=program('ptb'))
        self.await_class(b.pid, 'a/deep', seconds=40)
        self.assertNotEqual(self.service.daemons()['listener'], before)


class Reported(Case):
    CLASSES = CLASSES
    RULES = RULES
    CONFIG = {'Sweep': 'report', 'SweepSec': '1'}

    def test_said_and_left(self):
        os.rmdir(hierarchy_of('cgroup2').path(self.class_path('a/deep')))
        wait_for(lambda: 'class a/deep: its cgroup was removed in cgroup2; it stays so' in self.service.log().lower(), 'it to be reported')
        b = self.spawn(path=program('ptb'))
        wait_for(lambda: self.counter('moves_failed_class_gone') > 0, 'the move to fail')
        self.assert_home(b.pid)
        self.assertEqual(self.service.explain(b.pid)['Holder'], 'error')
        self.assertEqual(self.service.log().count('was removed in'), 1)


class Changed(Case):
    """Limits that something else edits in the cgroup files."""
    CLASSES = '[Class a]\nTasksMax=77\nCPUWeight=200\n'
    CONFIG = {'Sweep': 'repair', 'SweepSec': '1'}

    def file(self, controller, v1, v2):
        h = hierarchy_of(controller)
        return h.path(self.class_path('a'), v1 if h.version == 1 else v2)

    def edit(self):
        for path, text in ((self.file('pids', 'pids.max', 'pids.max'), '33'), (self.file('cpu', 'cpu.shares', 'cpu.weight'), '512')):
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)

    def tasks_max(self):
        with open(self.file('pids', 'pids.max', 'pids.max'), encoding='utf-8') as f:
            return f.read().strip()

    def properties(self):
        return self.service.get('/Classes/a', 'Class', 'Properties')

    def await_said(self, text):
        wait_for(lambda: text in self.service.log(), lambda: f'"{text}" in {self.service.log()}')

    def test_repaired(self):
        before = self.properties()
        self.edit()
        wait_for(lambda: self.tasks_max() == '77', 'the limit to be back')
        self.await_said('TasksMax was changed to 33 instead of 77')
        self.await_said('CPUWeight was changed to')
        self.await_said('this was made good')
        self.assertEqual(self.properties(), before)
        self.assertEqual(self.counter('classes_found_changed'), 1)
        self.service.ctl('status')

    def test_reported(self):
        self.again('report')
        self.edit()
        self.await_said('TasksMax was changed to 33 instead of 77')
        self.await_said('it stays so (Sweep=)')
        self.assertEqual(self.tasks_max(), '33')
        with open(self.file('pids', 'pids.max', 'pids.max'), 'w', encoding='utf-8') as f:
            f.write('34')
        self.await_said('TasksMax was changed to 34 instead of 77')  # by the next look, which has not said the first thing twice
        self.assertEqual(self.service.log().count('TasksMax was changed to 33'), 1)
        self.assertEqual(self.tasks_max(), '34')

    def test_adopted(self):
        self.again('adopt')
        self.edit()
        wait_for(lambda: self.properties()['TasksMax'] == '33', lambda: str(self.properties()))
        self.assertEqual(self.tasks_max(), '33')
        self.service.restart()
        self.assertEqual(self.tasks_max(), '77')

    def again(self, sweep):
        self.service.stop()
        self.service.write_config(Sweep=sweep)
        self.service.start()

"""What somebody else does to the classes themselves: directories removed, a hierarchy unmounted, limits edited. One by one these are tested in
tests/privileged (test_removed, test_named); here they happen again and again, while processes come."""
import os
import subprocess

import machine
from case import program
from faults import FaultCase, Stopped, much
from figures import seen
from machine import HIERARCHIES, hierarchy_of, wait_for

NAME = f'pclassfault{os.getpid()}'


class Removed(FaultCase):
    CLASSES = '[Class a]\nTasksMax=4000\n[Class b]\n'

    def directories(self):
        return [h.path(self.class_path('a')) for h in HIERARCHIES if os.path.isdir(h.path(self.class_path('a')))]

    def remove(self):
        """Everywhere, while the broker stands still: it would make the first again."""
        with Stopped(self.daemon('broker')):
            for path in self.directories():
                os.rmdir(path)
            self.assertEqual(self.directories(), [])
            return [self.spawn('exec', program('pt1'), 'chain', 5) for _ in range(3)]

    def limit(self):
        h = hierarchy_of('pids')
        with open(h.path(self.class_path('a'), 'pids.max'), encoding='utf-8') as f:
            return f.read().strip()

    def test_directory_removed(self):
        rounds, made, processes, wrong = much(10, 100), 0, 0, 0
        for _ in range(rounds):
            actors = self.remove()
            pids = [pid for a in actors for pid in (a.pid, *(a.child() for _ in range(5)))]
            self.fence()
            self.settle()
            wrong += self.assert_places({pid: 'a' for pid in pids})
            self.assertEqual(self.limit(), '4000')
            made += bool(self.directories())
            processes += len(pids)
            self.end_members('a')
            while self.actors:
                self.actors.pop().close()
            wait_for(lambda: not any(machine.members(self.class_path('a'), h) for h in HIERARCHIES), 'the class to be empty everywhere')
        seen('removed', rounds=rounds, made=made, processes=processes, misplaced=wrong)


class Unmounted(FaultCase):
    """A named hierarchy that the service mounts because of the class, in the mount namespace of the rig."""
    CLASSES = f'[Class a]\n[Class b]\n[Class jobs]\nHierarchies=name={NAME}\n'
    RULES = f'job: comm=pt1 {{home}} => name={NAME}:jobs\n'
    CONFIG = {'SweepSec': '1'}

    def end(self, service):
        """Without the class it lets the hierarchy go."""
        try:
            for a in self.actors:
                a.close()
            service.stop()
            service.write_rules('')
            service.write_classes('[Class a]\n')
            service.start()
            wait_for(lambda: f'name={NAME}' not in machine.places(os.getpid()), 'the kernel to let the hierarchy go', 30)
        finally:
            super().end(service)

    def says(self, text):
        with open(f'{self.service.dir}/log', encoding='utf-8', errors='replace') as f:
            return f.read().count(text)

    def is_placed(self, pid):
        return machine.places(pid)[f'name={NAME}'] == self.class_path('jobs')

    def test_unmounted_and_mounted_again(self):
        path = f'{self.service.dir}/run/hierarchies/{NAME}'
        rounds, pids = much(3, 20), []
        for i in range(1, rounds + 1):
            subprocess.run(['umount', '--lazy', path], check=True)
            wait_for(lambda n=i: self.says('is not mounted at') == n, 'the loss to be told')
            self.assertEqual(self.service.state(), 'degraded')
            self.assertIn('a hierarchy is not mounted any more', self.service.ctl('status'))
            lost = [f for f in self.service.ctl('doctor', '--json', status=1) if f['Id'] == 'hierarchy-lost']
            self.assertEqual([(f['Severity'], f['Subject']) for f in lost], [('problem', f'name={NAME}')])
            pids += [self.spawn(path=program('pt1')).pid for _ in range(5)]
            subprocess.run(['mount', '-t', 'cgroup', '-o', f'none,name={NAME}', 'pclasstest', path], check=True)
            wait_for(lambda n=i: self.says(f'is mounted at {path} again') == n, 'the return to be told')
            self.assertEqual(self.service.state(), 'running')
            self.assertEqual([f for f in self.service.ctl('doctor', '--json') if f['Severity'] == 'problem'], [])
            wait_for(lambda: all(map(self.is_placed, pids)), 'everybody to be in the class')
        seen('unmounted', rounds=rounds, told=self.says('is not mounted at') + self.says(f'is mounted at {path} again'), processes=len(pids),
             misplaced=sum(not self.is_placed(pid) for pid in pids))


class Edited(FaultCase):
    CLASSES = '[Class a]\nTasksMax=77\n[Class b]\n'
    CONFIG = {'SweepSec': '1', 'Sweep': 'repair'}

    def file(self):
        return hierarchy_of('pids').path(self.class_path('a'), 'pids.max')

    def edit(self, value):
        with open(self.file(), 'w', encoding='utf-8') as f:
            f.write(str(value))

    def value(self):
        with open(self.file(), encoding='utf-8') as f:
            return f.read().strip()

    def again(self, sweep):
        self.service.stop()
        self.service.write_config(Sweep=sweep)
        self.service.start()

    def repaired(self, i):
        self.edit(100 + i)
        wait_for(lambda: self.value() == '77', 'the limit to be back')

    def reported(self, i):
        self.edit(200 + i)
        wait_for(lambda: f'TasksMax was changed to {200 + i} instead of 77' in self.service.log(), 'it to be reported')
        self.assertEqual(self.value(), str(200 + i))

    def adopted(self, i):
        self.edit(300 + i)
        wait_for(lambda: self.service.get('/Classes/a', 'Class', 'Properties')['TasksMax'] == str(300 + i), 'it to be adopted')
        self.assertEqual(self.value(), str(300 + i))

    def test_limits_edited(self):
        rounds, done = much(3, 30), {}
        for sweep, word, one in (('repair', 'repaired', self.repaired), ('report', 'reported', self.reported), ('adopt', 'adopted', self.adopted)):
            self.again(sweep)
            done[word] = 0
            for i in range(rounds):
                one(i)
                done[word] += 1
        seen('edited', rounds=rounds, **done)

"""Hierarchies without a controller, mounted because a class names them, and gone when none does."""
import os
import subprocess

import machine
from case import Case, program
from machine import wait_for

NAME = f'pclasstest{os.getpid()}'


def is_mounted():
    with open('/proc/self/mountinfo', encoding='utf-8') as f:
        return [line for line in f if f'name={NAME}' in line]


def is_alive():
    return f'name={NAME}' in machine.places(os.getpid())


class Rig(Case):
    CLASSES = f'[Class jobs]\nHierarchies=name={NAME}\n[Class plain]\n'
    RULES = f'job: comm=pta {{home}} => name={NAME}:jobs\nboth: comm=ptb {{home}} => jobs\n'

    def end(self, service):
        """Whatever happened: nothing of it stays on the machine."""
        try:
            for a in self.actors:
                a.close()
            service.stop()
            service.write_rules('')
            service.write_classes('[Class plain]\n')
            service.start()
            self.assertFalse(is_mounted())
            self.await_gone()
        finally:
            super().end(service)

    def await_gone(self):
        """The kernel ends a hierarchy a grace period after it was unmounted."""
        wait_for(lambda: not is_alive(), 'the kernel to let the hierarchy go', 20)

    def where(self, pid):
        return machine.places(pid)[f'name={NAME}']


class Named(Rig):
    def test_mounted_and_used(self):
        self.assertEqual(len(is_mounted()), 1)
        self.assertNotIn('favordynmods', is_mounted()[0])
        self.assertIn(f'{self.service.dir}/run/hierarchies/{NAME} ', is_mounted()[0])
        a, b = self.spawn(path=program('pta')), self.spawn(path=program('ptb'))
        wait_for(lambda: self.where(a.pid) == self.class_path('jobs'), lambda: f'{a.pid} in the class; it is in {machine.places(a.pid)}')
        self.assertEqual(machine.place(a.pid), self.service.home)
        self.await_class(b.pid, 'jobs')
        wait_for(lambda: self.where(b.pid) == self.class_path('jobs'), 'the other in the class too')

    def test_a_restart_finds_it(self):
        a = self.spawn(path=program('pta'))
        wait_for(lambda: self.where(a.pid) == self.class_path('jobs'), 'the process in the class')
        self.service.restart()
        self.assertEqual(len(is_mounted()), 1)
        self.assertEqual(self.where(a.pid), self.class_path('jobs'))

    def test_stays_while_somebody_is_in_it(self):
        a = self.spawn(path=program('pta'))
        wait_for(lambda: self.where(a.pid) == self.class_path('jobs'), 'the process in the class')
        self.service.stop()
        self.service.write_classes('[Class plain]\n[Class marker]\n')
        self.service.start()
        self.assertEqual(len(is_mounted()), 1)
        self.assertIn('stays until its processes end', self.service.log())
        a.process.kill()
        a.process.wait()
        self.service.restart()
        self.assertFalse(is_mounted())
        self.await_gone()


class Unmounted(Rig):
    CONFIG = {'SweepSec': '1'}

    def test_said(self):
        """Somebody unmounts it and mounts it again: both are told, and classes are what they were."""
        path = f'{self.service.dir}/run/hierarchies/{NAME}'
        a = self.spawn(path=program('pta'))
        wait_for(lambda: self.where(a.pid) == self.class_path('jobs'), 'the process in the class')
        subprocess.run(['umount', '--lazy', path], check=True)
        wait_for(lambda: f'is not mounted at {path} any more' in self.service.log(), 'the loss to be told')
        subprocess.run(['mount', '-t', 'cgroup', '-o', f'none,name={NAME}', 'pclasstest', path], check=True)
        wait_for(lambda: f'is mounted at {path} again' in self.service.log(), 'the return to be told')
        self.assertEqual(self.where(a.pid), self.class_path('jobs'))
        b = self.spawn(path=program('pta'))
        wait_for(lambda: self.where(b.pid) == self.class_path('jobs'), 'the next process in the class')

    def test_a_start_mounts_it(self):
        path = f'{self.service.dir}/run/hierarchies/{NAME}'
        subprocess.run(['umount', '--lazy', path], check=True)
        self.service.restart()
        self.assertEqual(len(is_mounted()), 1)
        a = self.spawn(path=program('pta'))
        wait_for(lambda: self.where(a.pid) == self.class_path('jobs'), 'the process in the class')

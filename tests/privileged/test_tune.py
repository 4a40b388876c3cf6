"""Changing properties of a class while it is in use: within Tunable=, all or nothing, kept over a restart of the service."""
import os

from case import Case, program
from machine import hierarchy_of, wait_for
from service import BusError
from test_members import nices
from test_properties import DISK, disk_number, read

CLASSES = f'''
[Class web]
CPUWeight=100
MemoryMax=64M
MemorySwapMax=16M
TasksMax=50
IOReadBandwidthMax={DISK} 9M
Tunable=CPUWeight:100-800 CPUQuota:10%-150% CPUQuotaPeriodSec AllowedCPUs:0 MemoryMax:-256M MemorySwapMax Freeze Nice:0..10 IOReadBandwidthMax:1M-10M
[Class shut]
CPUWeight=100
[Class users/%u]
Nice=2
Tunable=Nice:0..9 TasksMax:-100
[Class low]
'''


class Tune(Case):
    CLASSES = CLASSES
    RULES = 'web: comm=ptweb {home} => web\nuser: user=ptest1 {home} => users/%u\n'

    def set(self, name, *pairs):
        args = [x for k, v in pairs for x in (k, 's', v)]
        self.service.call(f'/Classes/{name.replace("/", "_2f")}', 'Class', 'SetProperties', 'a{sv}', len(pairs), *args)

    def refused(self, says, name, *pairs):
        with self.assertRaisesRegex(BusError, says):
            self.set(name, *pairs)

    def weight(self):
        h = hierarchy_of('cpu')
        value = int(read(h, self.class_path('web'), 'cpu.shares' if h.version == 1 else 'cpu.weight'))
        return -(-value * 100 // 1024) if h.version == 1 else value

    def memory(self):
        h = hierarchy_of('memory')
        v1 = h.version == 1
        path = self.class_path('web')
        memory = int(read(h, path, 'memory.limit_in_bytes' if v1 else 'memory.max'))
        swap = int(read(h, path, 'memory.memsw.limit_in_bytes' if v1 else 'memory.swap.max'))
        return memory >> 20, (swap - memory if v1 else swap) >> 20

    def quota(self):
        h = hierarchy_of('cpu')
        return read(h, self.class_path('web'), 'cpu.cfs_quota_us' if h.version == 1 else 'cpu.max').split()[0]

    def properties(self, name='web'):
        return self.service.get(f'/Classes/{name.replace("/", "_2f")}', 'Class', 'Properties')

    def test_within_bounds(self):
        self.set('web', ('CPUWeight', '400'))
        self.assertEqual((self.weight(), self.properties()['CPUWeight']), (400, '400'))
        self.service.call('/Classes/web', 'Class', 'SetProperties', 'a{sv}', 1, 'CPUWeight', 'u', 500)
        self.assertEqual(self.weight(), 500)
        self.set('web', ('CPUQuota', '20%'), ('CPUQuotaPeriodSec', '50ms'))
        self.assertEqual(self.quota(), '10000')
        self.assertEqual((self.properties()['CPUQuota'], self.properties()['CPUQuotaPeriodSec']), ('20%', '50ms'))
        for memory, swap in ((200, 1), (8, 300), (100, 0)):
            self.set('web', ('MemorySwapMax', f'{swap}M'), ('MemoryMax', f'{memory}M'))
            self.assertEqual(self.memory(), (memory, swap))

    def test_refused_by_name(self):
        self.refused('may be set to 100 to 800, not to 801', 'web', ('CPUWeight', '801'))
        self.refused('expected a number from 1 to 10000', 'web', ('CPUWeight', 'much'))
        self.refused('TasksMax is not among the Tunable=', 'web', ('TasksMax', '10'))
        self.refused('CPUWeight is not among the Tunable= of class shut', 'shut', ('CPUWeight', '10'))
        self.refused("Unknown property 'Speed'", 'web', ('Speed', '10'))
        self.refused('named twice', 'web', ('CPUWeight', '200'), ('CPUWeight', '300'))
        self.refused('no property to set', 'web')
        self.refused('no such class', 'users/%u'.replace('%', '_25'), ('Nice', '3'))
        self.refused('a device that the file of the class names', 'web', ('IOReadBandwidthMax', '/dev/other 5M'))
        self.assertEqual(self.weight(), 100)

    def test_all_or_nothing(self):
        """The kernel refuses the second one: a limit that is below what is in use cannot be had on v1, a processor that is not there on both."""
        self.set('web', ('CPUWeight', '300'), ('AllowedCPUs', '0'))
        self.service.write_classes(CLASSES.replace('AllowedCPUs:0', 'AllowedCPUs:0,4000'))
        self.service.restart()
        self.assertEqual(self.weight(), 300)
        before = self.memory(), self.quota(), self.properties()
        self.refused('AllowedCPUs', 'web', ('CPUWeight', '700'), ('CPUQuota', '50%'), ('AllowedCPUs', '4000'), ('MemoryMax', '100M'))
        self.assertEqual((self.weight(), (self.memory(), self.quota(), self.properties())), (300, before))
        self.refused('at most', 'web', ('CPUWeight', '700'), ('MemoryMax', '257M'))
        self.assertEqual(self.weight(), 300)

    def test_kept_over_a_restart_and_given_back(self):
        self.set('web', ('CPUWeight', '640'), ('MemoryMax', '32M'))
        self.service.restart()
        self.assertEqual((self.weight(), self.memory()[0], self.properties()['CPUWeight']), (640, 32, '640'))
        self.set('web', ('CPUWeight', ''))
        self.assertEqual((self.weight(), self.memory()[0]), (100, 32))
        self.service.write_classes(CLASSES.replace('MemoryMax:-256M', 'MemoryMax:-16M'))
        self.service.restart()
        self.assertEqual(self.memory()[0], 64)  # root's bounds of today count

    def test_property_that_the_file_does_not_set(self):
        self.assertNotIn('CPUQuota', self.properties())
        self.set('web', ('CPUQuota', '30%'))
        self.assertEqual((self.quota(), self.properties()['CPUQuota']), ('30000', '30%'))
        self.set('web', ('CPUQuota', ''))
        self.assertIn(self.quota(), ('-1', 'max'))
        self.assertNotIn('CPUQuota', self.properties())

    def test_freeze_and_thaw(self):
        a = self.spawn(path=program('ptweb'))
        self.await_class(a.pid, 'web')

        def frozen():
            return 'frozen 1' in read(hierarchy_of('cgroup2'), self.class_path('web'), 'cgroup.events')

        self.service.ctl('freeze', 'web')
        wait_for(frozen, 'the class to be frozen')
        self.service.ctl('thaw', 'web')
        wait_for(lambda: not frozen(), 'the class to go on')

    def test_members(self):
        a = self.spawn(path=program('ptweb'))
        self.await_class(a.pid, 'web')
        self.assertEqual(nices(a.pid), {os.getpriority(os.PRIO_PROCESS, 0)})
        self.service.ctl('set-property', 'web', 'Nice=8')
        self.assertEqual(nices(a.pid), {8})
        b = self.spawn(path=program('ptweb'))
        self.await_class(b.pid, 'web')
        self.assertEqual(nices(b.pid), {8})
        self.refused('0 to 10', 'web', ('Nice', '11'))

    def test_instance(self):
        a = self.as_user(61201)
        self.await_class(a.pid, 'users/ptest1')
        self.set('users/ptest1', ('Nice', '6'), ('TasksMax', '40'))
        self.assertEqual((nices(a.pid), read(hierarchy_of('pids'), self.class_path('users/ptest1'), 'pids.max')), ({6}, '40'))
        self.service.restart()
        self.assertEqual(self.properties('users/ptest1')['TasksMax'], '40')
        a.process.kill()
        a.process.wait()
        gone = hierarchy_of('pids').path(self.class_path('users/ptest1'))
        wait_for(lambda: not os.path.exists(gone), 'the instance to go')
        b = self.as_user(61201)
        self.await_class(b.pid, 'users/ptest1')
        self.assertNotIn('TasksMax', self.properties('users/ptest1'))  # another one of that name
        with open(f'{self.service.dir}/run/tuned', encoding='utf-8') as f:
            self.assertNotIn('[Class', f.read())

    def test_disk(self):
        self.set('web', ('IOReadBandwidthMax', f'{DISK} 2M'))
        h = hierarchy_of('blkio') or hierarchy_of('io')
        said = read(h, self.class_path('web'), 'blkio.throttle.read_bps_device' if h.version == 1 else 'io.max')
        self.assertIn(f'{disk_number()} ', said)
        self.assertIn('2000000', said)

    def test_command(self):
        self.service.ctl('set-property', 'web', 'CPUWeight=250', 'CPUQuota=40%')
        self.assertEqual((self.weight(), self.quota()), (250, '40000'))
        said = self.service.ctl('set-property', 'web', 'TasksMax=1', status=1)
        self.assertIn('not among the Tunable=', said)
        self.assertIn('pclass.classes(5)', said)
        self.assertIn('NAME=VALUE', self.service.ctl('set-property', 'web', 'CPUWeight', status=2))
        self.assertIn('There is no class nothing\n', self.service.ctl('set-property', 'nothing', 'CPUWeight=100', status=10))

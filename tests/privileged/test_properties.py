"""Every property of classes in the kernel's own files, on the hierarchies that this machine has."""
import os

from case import Case
from machine import hierarchy_of

DISK = next((f'/dev/{n}' for n in sorted(os.listdir('/sys/block')) if not n.startswith(('loop', 'ram', 'zram'))
             and os.path.exists(f'/dev/{n}')), '')

FULL = f'''
[Class full]
CPUWeight=200
CPUQuota=20%
CPUQuotaPeriodSec=50ms
AllowedCPUs=0
AllowedMemoryNodes=0
MemoryMin=1M
MemoryLow=2M
MemoryHigh=64M
MemoryMax=128M
MemorySwapMax=32M
TasksMax=77
IOWeight=200
IOReadBandwidthMax={DISK} 5M
IOWriteBandwidthMax=/nonexistent/disk 1M
IOReadIOPSMax={DISK} 1K
IOWriteIOPSMax={DISK} infinity
Freeze=no
'''
PERCENT = '[Class percent]\nMemoryMax=10%\nTasksMax=1%\n'
NESTED = '[Class outer]\nAllowedCPUs=0\nCPUQuota=150%\n[Class outer/inner]\nCPUQuota=120%\n[Class outer/inner/deep]\nTasksMax=5\nAllowedMemoryNodes=0\n'


def read(h, cgroup, name):
    with open(h.path(cgroup, name), encoding='utf-8') as f:
        return f.read().strip()


def disk_number():
    st = os.stat(DISK)
    return f'{os.major(st.st_rdev)}:{os.minor(st.st_rdev)}'


class Files(Case):
    CLASSES = FULL + PERCENT

    def notes(self, name='full'):
        listed = next(c for c in self.service.call('/Classes', 'Classes', 'List', 'a{sv}', 0) if c['Name'] == name)
        return {p['Name']: p for p in listed['Properties']}

    def value(self, controller, v1, v2, name='full', v1_controller=None):
        h = hierarchy_of(v1_controller or controller) or hierarchy_of(controller)
        self.assertIsNotNone(h, f'{controller} is nowhere on this machine')
        return h.version, read(h, self.class_path(name), v1 if h.version == 1 else v2)

    def test_processor(self):
        self.assertIn(self.value('cpu', 'cpu.shares', 'cpu.weight'), [(1, '2048'), (2, '200')])
        self.assertIn(self.value('cpu', 'cpu.cfs_quota_us', 'cpu.max'), [(1, '10000'), (2, '10000 50000')])
        version, period = self.value('cpu', 'cpu.cfs_period_us', 'cpu.max')
        self.assertEqual(period.split()[-1], '50000', version)
        self.assertEqual(self.value('cpuset', 'cpuset.cpus', 'cpuset.cpus')[1], '0')
        self.assertEqual(self.value('cpuset', 'cpuset.mems', 'cpuset.mems')[1], '0')

    def test_memory(self):
        self.assertEqual(self.value('memory', 'memory.limit_in_bytes', 'memory.max')[1], str(128 << 20))
        version, swap = self.value('memory', 'memory.memsw.limit_in_bytes', 'memory.swap.max')
        self.assertEqual(int(swap), (160 if version == 1 else 32) << 20)
        self.assertEqual(self.notes()['MemorySwapMax']['Text'], str(32 << 20))
        if version == 2:
            self.assertEqual([read(hierarchy_of('memory'), self.class_path('full'), f'memory.{n}') for n in ('min', 'low', 'high')],
                             [str(n << 20) for n in (1, 2, 64)])

    def test_disks(self):
        h = hierarchy_of('blkio') or hierarchy_of('io')
        n, path = disk_number(), self.class_path('full')
        if h.version == 1:
            self.assertEqual(read(h, path, 'blkio.throttle.read_bps_device'), f'{n} 5000000')
            self.assertEqual(read(h, path, 'blkio.throttle.read_iops_device'), f'{n} 1000')
            self.assertEqual(read(h, path, 'blkio.throttle.write_iops_device'), '')
            weight = 'blkio.bfq.weight'
        else:
            self.assertEqual(read(h, path, 'io.max'), f'{n} rbps=5000000 wbps=max riops=1000 wiops=max')
            weight = 'io.bfq.weight'
        notes = self.notes()
        self.assertEqual(notes['IOReadBandwidthMax']['Text'], f'{DISK} 5000000')
        self.assertTrue(notes['IOWriteIOPSMax']['Supported'])
        if os.path.exists(h.path(path, weight)):
            self.assertEqual(read(h, path, weight).split()[-1], '109')
            self.assertEqual(notes['IOWeight']['Text'], '200')
        else:
            self.assertEqual((notes['IOWeight']['Supported'], 'BFQ' in notes['IOWeight']['Text']), (False, True))

    def test_what_is_missing_is_named(self):
        notes = self.notes()
        v1 = hierarchy_of('memory').version == 1
        for name in ('MemoryMin', 'MemoryLow', 'MemoryHigh'):
            self.assertEqual(notes[name]['Supported'], not v1)
            if v1:
                self.assertIn('no such limit', notes[name]['Text'])
        self.assertFalse(notes['IOWriteBandwidthMax']['Supported'])
        self.assertIn('/nonexistent/disk: No such file', notes['IOWriteBandwidthMax']['Text'])
        self.assertIn('/nonexistent/disk', self.service.ctl('show-class', 'full', '--full'))
        self.assertEqual(self.service.get('/Classes/full', 'Class', 'Properties')['CPUQuota'], '20%')

    def test_percentages_of_this_machine(self):
        with open('/proc/meminfo', encoding='utf-8') as f:
            total = int(f.readline().split()[1]) * 1024
        limit = int(self.value('memory', 'memory.limit_in_bytes', 'memory.max', 'percent')[1])
        self.assertEqual(limit, total // 4096 // 10 * 4096)
        tasks = []
        for name in ('pid_max', 'threads-max'):
            with open(f'/proc/sys/kernel/{name}', encoding='utf-8') as f:
                tasks.append(int(f.read()))
        self.assertEqual(self.value('pids', 'pids.max', 'pids.max', 'percent')[1], str(min(tasks) // 100))
        self.assertEqual(self.notes('percent')['MemoryMax']['Text'], str(limit))

    def test_what_is_taken_away_goes_back_to_the_default(self):
        self.service.write_classes('[Class full]\nHierarchies=cpu cpuset memory blkio\n[Class marker]\n')
        self.service.restart()
        self.assertIn(self.value('cpu', 'cpu.shares', 'cpu.weight'), [(1, '1024'), (2, '100')])
        self.assertIn(self.value('cpu', 'cpu.cfs_quota_us', 'cpu.max'), [(1, '-1'), (2, 'max 100000')])
        version, limit = self.value('memory', 'memory.limit_in_bytes', 'memory.max')
        self.assertTrue(int(limit) > 1 << 60 if version == 1 else limit == 'max')
        version, limit = self.value('memory', 'memory.memsw.limit_in_bytes', 'memory.swap.max')
        self.assertTrue(int(limit) > 1 << 60 if version == 1 else limit == 'max')
        h = hierarchy_of('blkio')
        if h and h.version == 1:
            self.assertEqual(read(h, self.class_path('full'), 'blkio.throttle.read_bps_device'), '')


class Grows(Case):
    """Limits of memory that grow and shrink, and those of v1 that depend on parents."""
    CLASSES = '[Class m]\nMemoryMax=64M\nMemorySwapMax=8M\n' + NESTED

    def limits(self):
        h = hierarchy_of('memory')
        names = ('memory.limit_in_bytes', 'memory.memsw.limit_in_bytes') if h.version == 1 else ('memory.max', 'memory.swap.max')
        return h.version, [int(read(h, self.class_path('m'), n)) >> 20 for n in names]

    def test_memory_and_swap(self):
        for memory, swap in ((64, 8), (256, 1), (16, 2), (32, 0)):
            self.service.write_classes(f'[Class m]\nMemoryMax={memory}M\nMemorySwapMax={swap}M\n[Class marker]\n')
            self.service.restart()
            version, limits = self.limits()
            self.assertEqual(limits, [memory, memory + swap if version == 1 else swap])

    def quota(self, name):
        h = hierarchy_of('cpu')
        return int(read(h, self.class_path(name), 'cpu.cfs_quota_us' if h.version == 1 else 'cpu.max').split()[0])

    def test_quota_of_parent_and_child_shrinks_and_grows(self):
        self.assertEqual((self.quota('outer'), self.quota('outer/inner')), (150000, 120000))
        for outer, inner in ((80, 50), (190, 185), (30, 30)):
            self.service.write_classes(NESTED.replace('150%', f'{outer}%').replace('120%', f'{inner}%') + '[Class marker]\n')
            self.service.restart()
            self.assertEqual((self.quota('outer'), self.quota('outer/inner')), (outer * 1000, inner * 1000))

    def test_cpuset_below_a_class_without_one(self):
        h = hierarchy_of('cpuset')
        self.assertEqual(read(h, self.class_path('outer/inner/deep'), 'cpuset.mems'), '0')
        self.assertEqual(read(h, self.class_path('outer/inner/deep'), 'cpuset.cpus' if h.version == 1 else 'cpuset.cpus.effective'), '0')


class Frozen(Case):
    CLASSES = '[Class ice]\nFreeze=yes\n[Class old]\nFreeze=yes\nHierarchies=freezer cgroup2\n'
    RULES = 'ice: comm=ptice {home} => ice\n'

    def test_frozen_from_the_start(self):
        path = self.class_path('ice')
        self.assertEqual(read(hierarchy_of('cgroup2'), path, 'cgroup.freeze'), '1')
        v1 = hierarchy_of('freezer')
        if v1:
            self.assertEqual(read(v1, self.class_path('old'), 'freezer.state'), 'FROZEN')
        self.service.write_classes('[Class ice]\n[Class marker]\n')
        self.service.restart()
        self.assertEqual(read(hierarchy_of('cgroup2'), path, 'cgroup.freeze'), '0')

    def test_frozen_in_another_hierarchy_than_before(self):
        v1 = hierarchy_of('freezer')
        path = self.class_path('ice')
        self.service.write_classes('[Class ice]\nFreeze=yes\nHierarchies=freezer cgroup2\n[Class old]\n[Class marker]\n')
        self.service.restart()
        states = read(hierarchy_of('cgroup2'), path, 'cgroup.freeze'), read(v1, path, 'freezer.state') if v1 else ''
        self.assertEqual(states, ('0', 'FROZEN') if v1 else ('1', ''))
        if v1:
            self.assertIn(read(v1, self.class_path('old'), 'freezer.state'), ('THAWED',))


class Wrong(Case):
    START = False

    def test_wrong_value_is_refused_with_its_place(self):
        self.service.write_classes('[Class marker]\n[Class x]\n  CPUQuota = 20\n')
        with self.assertRaisesRegex(AssertionError, r'50-test\.conf:3:\d+: expected a percentage'):
            self.service.start()

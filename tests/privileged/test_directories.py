"""The directories and files that the service needs: one that cannot be used ends it for good, and a reload does not lead there."""
import os
import subprocess
import time

from case import Case, program
from service import BusError

RULES = 'one: comm=ptno {home} => a\n'


class Directories(Case):
    CLASSES, RULES = '[Class a]\n', RULES

    def fails(self):
        with self.assertRaisesRegex(AssertionError, 'ended with status 78'):
            self.service.start()

    def test_a_reload_takes_no_other_directory(self):
        for key in ('StateDir', 'RuntimeDir'):
            with self.subTest(key):
                self.service.write_config(**{key: '/nonexistent/x'})
                with self.assertRaisesRegex(BusError, f'pclass.conf: a changed {key}= takes a restart'):
                    self.service.reload()
                del self.service.config[key]
        self.service.write_config(SweepSec='0')
        self.service.reload()
        time.sleep(1)  # longer than a restart would be put off
        self.assertEqual(self.service.state(), 'running')
        self.assertIsNone(self.service.process.poll())

    def test_directories_that_cannot_be(self):
        self.service.stop()
        for key in ('StateDir', 'RuntimeDir'):
            with self.subTest(key):
                self.service.write_config(**{key: f'{self.service.dir}/pclass.conf/x'})
                self.fails()
                del self.service.config[key]

    def test_rules_that_cannot_be_read(self):
        self.service.stop()
        os.chmod(f'{self.service.dir}/rules.d/50-test.rules', 0)
        self.fails()
        self.assertIn('50-test.rules: cannot be read: Permission denied', self.service.log())

    def test_a_configuration_that_cannot_be_read(self):
        self.service.stop()
        os.unlink(f'{self.service.dir}/pclass.conf')
        os.mkdir(f'{self.service.dir}/pclass.conf')
        self.fails()
        self.assertRegex(self.service.log(), 'pclass.conf: cannot be read: Is a directory')

    def remount(self, how):
        subprocess.run(['mount', '-o', f'remount,bind,{how}', f'{self.service.dir}/state'], check=True)

    def test_a_read_only_state_directory(self):
        """What is stored holds, what would have to be stored is refused, and all is said; once it can be written all is well."""
        self.service.add_rule('added: comm=pta {home} => a')
        self.service.call('/Status', 'Status', 'SetMode', 's', 'enforce')
        self.service.stop()
        state = f'{self.service.dir}/state'
        subprocess.run(['mount', '--bind', state, state], check=True)
        self.addCleanup(subprocess.run, ['umount', '-l', state], check=True)
        self.remount('ro')
        self.service.expected = 'degraded'
        self.service.start()
        self.assertIn('cannot be written, and changes are refused until it can: Read-only file system', self.service.log())
        rules = {r['Name']: r['Path'] for r in self.service.rules()}
        self.assertLess({'added', 'one'}, set(rules))
        self.await_class(self.spawn(path=program('pta')).pid, 'a')
        self.assertRegex(self.service.get('/Status', 'Status', 'StateReason'), 'no change can be stored: .*/state: Read-only file system')
        found = [f for f in self.service.call('/Status', 'Status', 'Doctor') if f['Id'] == 'state-unwritable']
        self.assertEqual([(f['Severity'], f['Subject']) for f in found], [('problem', 'state directory')])
        for what, change in (('the rules', lambda: self.service.add_rule('more: comm=ptno {home} => a')),
                             ('the rules', lambda: self.service.remove_rule(rules['added'])),
                             ('the change', lambda: self.service.call(rules['one'], 'Rule', 'SetEnabled', 'ba{sv}', 'false', 0)),
                             ('the mode', lambda: self.service.call('/Status', 'Status', 'SetMode', 's', 'observe'))):
            with self.assertRaisesRegex(BusError, f'/state: cannot store {what}: Read-only file system'):
                change()
        self.assertEqual(self.service.get('/Status', 'Status', 'Mode'), 'enforce')
        self.remount('rw')
        self.assertEqual(self.service.state(), 'running')
        self.service.remove_rule(rules['added'])
        self.assertEqual([f for f in self.service.call('/Status', 'Status', 'Doctor') if f['Id'] == 'state-unwritable'], [])

    def test_a_state_directory_that_is_gone(self):
        """What the disk says of its files is no answer about rules, nor about who may ask."""
        self.service.add_rule('added: comm=pta {home} => a')
        rules = {r['Name']: r['Path'] for r in self.service.rules()}
        os.rename(f'{self.service.dir}/state', f'{self.service.dir}/elsewhere')
        for name in os.listdir(f'{self.service.dir}/elsewhere'):
            os.unlink(f'{self.service.dir}/elsewhere/{name}')
        os.rmdir(f'{self.service.dir}/elsewhere')
        for what, change in (('the rules', lambda: self.service.remove_rule(rules['added'])),
                             ('the change', lambda: self.service.call(rules['one'], 'Rule', 'SetEnabled', 'ba{sv}', 'false', 0)),
                             ('the mode', lambda: self.service.call('/Status', 'Status', 'SetMode', 's', 'observe'))):
            with self.assertRaisesRegex(BusError, f'/state: cannot store {what}: No such file or directory'):
                change()
        said = self.service.ctl('remove-rule', 'added', status=1)  # and not the status for a rule that is not there, nor advice to look for it
        self.assertEqual(said.count('\n'), 1, said)

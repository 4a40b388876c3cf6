"""The directories and files that the service needs: one that cannot be used ends it for good, and a reload does not lead there."""
import os
import time

from case import Case
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

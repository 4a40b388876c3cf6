"""A pclassd that says what it may not say, against the real broker: tests/unit/test-broker-hostile, counted here as one of the faults."""
import os
import unittest

from figures import passed_cmocka, seen


class Hostile(unittest.TestCase):
    def test_hostile_listener(self):
        tests = passed_cmocka(os.path.join(os.environ['PCLASS_BUILD'], 'tests/unit/test-broker-hostile'))
        seen('hostile', tests=tests)
        self.assertGreater(tests, 5)

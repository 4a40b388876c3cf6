"""What scripts/test counts: nothing that did not run, or was skipped, may look like a success."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import settings

sys.path.insert(0, os.path.join(settings.TOP, 'tests/lib'))
import report  # noqa: E402 (the path above must come first)

CMOCKA = '[==========] Running {0} test(s).\n[==========] {0} test(s) run.\n[  PASSED  ] {1} test(s).\n'


class Meson(unittest.TestCase):
    def result(self, *records):
        with tempfile.NamedTemporaryFile('w', suffix='.json') as f:
            for name, result, text in records:
                f.write(json.dumps({'name': name, 'result': result, 'stdout': text, 'stderr': '', 'duration': 0.1}) + '\n')
            f.flush()
            r = subprocess.run([os.path.join(settings.TOP, 'scripts/count-meson'), 'unit', f.name], capture_output=True, text=True, check=False)
        return r.stdout.rstrip().split('\n')[-1], r.returncode

    def test_every_cmocka_test_counts(self):
        self.assertEqual(self.result(('a', 'OK', CMOCKA.format(7, 7)), ('b', 'OK', CMOCKA.format(2, 2) * 2)), ('RESULT unit 11 0', 0))

    def test_failed_tests_count(self):
        self.assertEqual(self.result(('a', 'FAIL', CMOCKA.format(7, 4))), ('RESULT unit 4 3', 1))

    def test_program_that_died_is_a_failure(self):
        self.assertEqual(self.result(('a', 'FAIL', '')), ('RESULT unit 0 1', 1))
        self.assertEqual(self.result(('a', 'FAIL', CMOCKA.format(3, 3))), ('RESULT unit 3 1', 1))  # a leak found at exit

    def test_other_ends_are_failures(self):
        for result in ('SKIP', 'TIMEOUT', 'ERROR', 'INTERRUPT'):
            self.assertEqual(self.result(('a', result, '')), ('RESULT unit 0 1', 1))

    def test_plain_program_counts_once(self):
        self.assertEqual(self.result(('a', 'OK', 'some words')), ('RESULT unit 1 0', 0))

    def test_nothing_is_a_failure(self):
        self.assertEqual(self.result(), ('RESULT unit 0 1', 1))


class Report(unittest.TestCase):
    def result(self, body):
        with tempfile.TemporaryDirectory() as d:
            with open(os.path.join(d, 'x.py'), 'w', encoding='utf-8') as f:
                f.write(f'import sys, unittest\nsys.path.insert(0, {report.__file__!r}.rpartition("/")[0])\nimport report\n'
                        f'class T(unittest.TestCase):\n{body}\n'
                        'sys.exit(report.run("x", unittest.defaultTestLoader.loadTestsFromTestCase(T)))\n')
            r = subprocess.run([sys.executable, '-B', os.path.join(d, 'x.py')], capture_output=True, text=True, check=False)
        return r.stdout.rstrip().split('\n')[-1], r.returncode

    def test_pass_fail_error_skip(self):
        body = '''
    def test_pass(self): pass
    def test_fail(self): self.fail()
    def test_error(self): raise OSError
    @unittest.skip('why')
    def test_skip(self): pass
    def test_sub(self):
        for i in range(3):
            with self.subTest(i=i): self.assertEqual(i, 0)
    def test_cleanup(self): self.addCleanup(self.fail)
    @unittest.expectedFailure
    def test_expected(self): self.fail()
'''
        self.assertEqual(self.result(body), ('RESULT x 1 6', 1))

    def test_all_pass(self):
        self.assertEqual(self.result('    def test_a(self): pass'), ('RESULT x 1 0', 0))

    def test_none_is_a_failure(self):
        self.assertEqual(self.result('    pass'), ('RESULT x 0 1', 1))

"""Finds and runs the fault tests; arguments choose by a part of their name."""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TESTS, 'privileged'), os.path.join(TESTS, 'lib')]
import figures  # noqa: E402 (the paths above must come first)
import report  # noqa: E402

tests = unittest.defaultTestLoader.discover(HERE, pattern='fault_*.py', top_level_dir=HERE)
# The mixed load first: of the rest much has to be done in time, so during that nothing else should run here.
tests = unittest.TestSuite(sorted(tests, key=lambda suite: 'fault_soak' not in repr(suite)))
print(f'PCLASS_SEED={figures.SEED}', flush=True)
figures.RECORD['failed'] = report.run('faults', report.select(tests, sys.argv[1:]))
figures.write()
sys.exit(figures.RECORD['failed'])

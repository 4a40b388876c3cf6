"""Finds and runs the bus tests; arguments choose by a part of their name."""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TESTS, 'lib'), os.path.join(TESTS, 'privileged')]
import report  # noqa: E402 (the path above must come first)

tests = unittest.defaultTestLoader.discover(HERE, top_level_dir=HERE)
status = report.run('bus', report.select(tests, sys.argv[1:]))
import bus  # noqa: E402

log = bus.stop_service()
if 'Sanitizer' in log or 'runtime error' in log:  # said by a build with sanitizers as the daemons ended
    print(log)
    status = status or 1
sys.exit(status)

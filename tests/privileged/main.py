"""Finds and runs the privileged tests; arguments choose by a part of their name."""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'lib')]
import report  # noqa: E402 (the path above must come first)

tests = unittest.defaultTestLoader.discover(HERE, top_level_dir=HERE)
sys.exit(report.run('privileged', report.select(tests, sys.argv[1:])))

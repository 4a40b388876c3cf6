"""docs/RELIABILITY.md: its rows are those of the fault suite, each row has a test, and its figures fit the rows."""
import importlib.util
import os
import re
import sys
import unittest
from importlib.machinery import SourceFileLoader

import settings

FAULTS = os.path.join(settings.TOP, 'tests', 'faults')


def load(name, file):
    loader = SourceFileLoader(name, os.path.join(FAULTS, file))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


class Reliability(unittest.TestCase):
    def setUp(self):
        path = sys.path[:]
        self.addCleanup(sys.path.__setitem__, slice(None), path)
        self.rows = load('rows', 'rows.py').ROWS
        self.table = load('fault_table', 'table')

    def sources(self):
        return ''.join(read(os.path.join(FAULTS, n)) for n in sorted(os.listdir(FAULTS)) if n.startswith('fault_'))

    def test_every_row_has_its_test_and_its_figures(self):
        text = self.sources()
        said = set(re.findall(r"seen\('(\w+)'", text)) | set(re.findall(r"self\.rounds\('(\w+)'", text))
        self.assertEqual(said, {r.key for r in self.rows})
        for r in self.rows:
            self.assertIn(f'def {r.test}', text)

    def test_the_page_has_these_rows(self):
        for table in re.findall(r'<!-- figures: \w+ -->\n(.*?)<!-- end of figures', read(os.path.join(settings.TOP, 'docs', 'RELIABILITY.md')), re.S):
            if not table:
                continue
            tests = re.findall(r'\| `(\w+)` \|$', table, re.M)
            self.assertEqual(tests, [r.test for r in self.rows])

    def record(self, **more):
        fields = {f for r in self.rows for text in (r.fault, r.often, r.seen) for f in re.findall(r'{(\w+)}', text)}
        return {'form': 'short', 'seed': 1, 'begun': 'now', 'kernel': '6', 'cores': 2, 'load': [1.0], 'seconds': 9,
                'figures': {r.key: {f: 31415 for f in fields} for r in self.rows}, **more}

    def test_figures_land_between_the_marks(self):
        before, after = 'above <!-- figures: short -->\n', '<!-- end of figures: short -->\n<!-- figures: soak -->\nkept\n<!-- end of figures: soak -->\n'
        new = self.table.rewrite(before + 'of yesterday\n' + after, [self.record()])
        self.assertTrue(new.startswith(before) and new.endswith(after))
        self.assertNotIn('of yesterday', new)
        self.assertEqual(new.count('\n| '), len(self.rows) + 1)
        self.assertIn('31,415', new)
        self.assertEqual(self.table.rewrite(new, [self.record()]), new)

    def test_a_page_without_marks_is_left_alone(self):
        with self.assertRaises(SystemExit):
            self.table.rewrite('nothing', [self.record()])

    def test_what_was_not_run_stays(self):
        first, key = self.record(seed=16180), self.rows[0].key
        page = self.table.rewrite('<!-- figures: short -->\n<!-- end of figures: short -->\n', [first])
        again = {**self.record(seed=27182), 'figures': {key: {f: 14142 for f in first['figures'][key]}}}
        new = self.table.rewrite(page, [again])
        self.assertIn('`PCLASS_SEED=16180`.\n', new)
        self.assertIn(f'`PCLASS_SEED=27182`: `{self.rows[0].test}`.\n', new)
        self.assertEqual(new.count('\n| '), len(self.rows) + 1)
        self.assertIn('14,142', next(line for line in new.splitlines() if line.endswith(f'`{self.rows[0].test}` |')))
        self.assertIn('31,415', next(line for line in new.splitlines() if line.endswith(f'`{self.rows[1].test}` |')))
        with self.assertRaises(SystemExit):
            self.table.rewrite('<!-- figures: short -->\n<!-- end of figures: short -->\n', [again])

    def test_runs_that_did_a_part_each_make_one_table(self):
        whole, key = self.record(), self.rows[-1].key
        one = {**whole, 'seed': 27182, 'figures': {key: whole['figures'].pop(key)}}
        new = self.table.rewrite('<!-- figures: short -->\n<!-- end of figures: short -->\n', [one, whole])
        self.assertIn(f'`PCLASS_SEED=27182`: `{self.rows[-1].test}`.\n', new)
        self.assertIn('`PCLASS_SEED=1`.\n', new)
        self.assertEqual(new.count('\n| '), len(self.rows) + 1)

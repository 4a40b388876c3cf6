"""docs/SECURITY-MODEL.md: each line of what the broker refuses names tests that exist and are run, and so does the text."""
import glob
import os
import re
import unittest

import settings

WHERE = ('tests/unit/{}.c', 'tests/fuzz/{}.c', 'tests/privileged/{}.py', 'tests/bus/{}.py', 'tests/faults/{}.py', 'tests/static/{}.py')
FILE = r'(?:test|fault|fuzz)[-_][a-z0-9_-]+'


def read(path):
    with open(os.path.join(settings.TOP, path), encoding='utf-8') as f:
        return f.read()


def sources(name):
    """The texts of the files that are called so."""
    return [read(p.format(name)) for p in WHERE if os.path.exists(os.path.join(settings.TOP, p.format(name)))]


def runs(text, name):
    """A cmocka test is in its table, a Python one is a class or a method."""
    return re.search(rf'^\s*(?:cmocka_unit_test\w*|TEST)\({name}\b', text, re.M) or re.search(rf'^(?:class|    def) {name}\b', text, re.M)


def refused(text):
    """The cells with tests, by what is refused."""
    table = text.split('| refused | answer | test |\n')[1].split('\n\n')[0]
    rows = [[cell.strip() for cell in line.strip('|').split(' | ')] for line in table.splitlines()[1:]]
    return {row[0]: row[-1] for row in rows}


def missing(cell):
    """What of "test-a: one, two; test_b" is not there."""
    problems = [] if cell else ['no test']
    for part in cell.split(';') if cell else ():
        name, _, tests = part.strip().partition(': ')
        found = sources(name)
        if not found:
            problems.append(f'there is no {name}')
        for test in filter(None, tests.split(', ')):
            if not any(runs(text, test) for text in found):
                problems.append(f'{name} has no {test}')
    return problems


class Security(unittest.TestCase):
    def setUp(self):
        self.text = read('docs/SECURITY-MODEL.md')

    def test_each_refusal_has_its_tests(self):
        rows = refused(self.text)
        self.assertGreater(len(rows), 10)
        self.assertEqual({what: missing(cell) for what, cell in rows.items() if missing(cell)}, {})

    def test_each_hostile_test_is_of_a_line(self):
        table = '\n'.join(refused(self.text).values()) + self.text
        tests = re.findall(r'^\s*cmocka_unit_test\w*\((\w+)', read('tests/unit/test-broker-hostile.c'), re.M)
        self.assertGreater(len(tests), 10)
        self.assertEqual([t for t in tests if t not in table], [])

    def test_the_text_names_what_is_there(self):
        """"fault_moves, Strangers", "test-cmdline (one, two)", "tests/bus: test_flood"."""
        prose = '\n'.join(line for line in self.text.split('\n') if not line.startswith('|'))
        names = set(re.findall(rf'\b{FILE}\b', prose))
        self.assertGreater(len(names), 5)
        self.assertEqual([n for n in sorted(names) if not sources(n) and not glob.glob(os.path.join(settings.TOP, 'tests', '*', n + '*'))], [])
        for name, test in re.findall(rf'\b({FILE}), ([A-Z]\w+)', prose):
            self.assertTrue(any(runs(text, test) for text in sources(name)), f'{name} has no {test}')

    def test_a_wrong_name_is_found(self):
        self.assertEqual(missing('test-broker-hostile: nonsense_ends_it; fuzz-wire; test_tune'), [])
        self.assertEqual(missing('test-broker-hostile: nonsense_starts_it'), ['test-broker-hostile has no nonsense_starts_it'])
        self.assertEqual(missing('test-nothing'), ['there is no test-nothing'])
        self.assertEqual(missing(''), ['no test'])

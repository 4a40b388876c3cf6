"""Order in the house: sizes, headers, every test registered, scripts that parse, nothing left for later."""
import glob
import os
import re
import statistics
import subprocess
import unittest

import settings
import source

LINES_MAX = 600        # of a file
FUNCTION_MEDIAN = 20   # lines
FUNCTION_LONG = 55
LONG_SHARE = 0.04      # of all functions may be longer than that


def tracked(*patterns):
    """Files under version control, so that a build directory or an editor's leftover does not count."""
    out = subprocess.run(['git', '-C', settings.TOP, '-c', f'safe.directory={settings.TOP}', 'ls-files', '-z', '--cached', '--others',
                          '--exclude-standard', '--', *patterns], check=True, capture_output=True, text=True).stdout
    return [p for p in out.split('\0') if p and os.path.isfile(os.path.join(settings.TOP, p))]


def read(path):
    with open(os.path.join(settings.TOP, path), encoding='utf-8', errors='replace') as f:
        return f.read()


def shell_scripts():
    return [p for p in tracked() if re.match(r'#!\s*/\S*\b(env )?(ba|da)?sh\b', read(p)[:40]) or p.endswith('.sh')]


class House(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = source.Tree(settings.TOP).files

    def none(self, problems):
        self.assertEqual(problems, [], '\n' + '\n'.join(problems))

    def test_no_file_is_too_long(self):
        self.none([f'{p}: {t.count(chr(10))} lines' for p, t in self.files.items() if t.count('\n') > LINES_MAX])

    def test_functions_are_short(self):
        sizes = [(lines, f'{p}: {name}() has {lines} lines') for p, t in self.files.items() for name, lines in source.functions(t)]
        self.assertGreater(len(sizes), 200, 'the function finder finds too little')
        long = sorted((s for s in sizes if s[0] > FUNCTION_LONG), reverse=True)
        self.assertLessEqual(statistics.median(s[0] for s in sizes), FUNCTION_MEDIAN)
        self.assertLessEqual(len(long), LONG_SHARE * len(sizes), '\n' + '\n'.join(s[1] for s in long))

    def test_headers_guard_themselves(self):
        self.none([p for p, t in self.files.items() if p.endswith('.h') and '#pragma once' not in t])

    def test_files_say_what_they_are(self):
        self.none([p for p, t in self.files.items() if not t.startswith('/*')])

    def test_every_unit_test_is_built(self):
        meson = read('tests/unit/meson.build')
        for path in glob.glob(os.path.join(settings.TOP, 'tests/unit/test-*.c')):
            name = os.path.basename(path)[len('test-'):-len('.c')]
            self.assertRegex(meson, rf"'{re.escape(name)}'", f'{path} is not in tests/unit/meson.build')

    def test_shell_scripts_parse(self):
        scripts = shell_scripts()
        self.assertIn('scripts/test', scripts)
        for path in scripts:
            with self.subTest(path=path):
                r = subprocess.run(['bash', '-n', path], cwd=settings.TOP, capture_output=True, text=True)
                self.assertEqual((r.returncode, r.stderr), (0, ''))

    def test_shellcheck_finds_nothing(self):
        # SC2154, SC2034: variables that a sourced file sets for the other; the scripts run with set -u.
        r = subprocess.run(['shellcheck', '--severity=warning', '--exclude=SC2154,SC2034', '--external-sources', '--shell=bash', *shell_scripts()],
                           cwd=settings.TOP, capture_output=True, text=True)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)

    def test_python_compiles(self):
        for path in tracked('*.py'):
            with self.subTest(path=path):
                compile(read(path), path, 'exec')

    def test_nothing_is_left_for_later(self):
        word = re.compile(r'\b(TO' + r'DO|FIX' + r'ME|XX' + r'X)\b')
        own = [p for p in tracked() if p.endswith(('.c', '.h', '.py', '.sh', '.build', '.md', '.conf', '.rules', '.xml')) or p.startswith('scripts/')]
        self.none([f'{p}:{n}: {line.strip()}' for p in own for n, line in enumerate(read(p).split('\n'), 1) if word.search(line)])

    def test_scripts_can_be_run(self):
        for path in ('scripts/test', 'scripts/demo', '.ci/run'):
            self.assertTrue(os.access(os.path.join(settings.TOP, path), os.X_OK), path)


class SelfTest(unittest.TestCase):
    def test_functions_are_measured(self):
        text = 'static int f(int a,\n             int b) {\n        if (a) {\n                return 1;\n        }\n        return 2;\n}\nint g(void);\nint h(void) {\n        return 1;\n}\n'
        self.assertEqual(list(source.functions(text)), [('f', 4), ('h', 1)])

    def test_comments_are_no_code(self):
        self.assertNotIn('open', source.code_only('/* open\n */ "open" // open\n'))
        self.assertEqual(list(source.literals('a "b" /* "c" */\n"d\\""')), [(1, 'b'), (2, 'd\\"')])

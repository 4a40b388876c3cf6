"""scripts/lint sees a defect when there is one: a linter that reads nothing finds nothing."""
import json
import os
import subprocess
import tempfile
import unittest

import settings

BAD = {
    'cppcheck': 'int f(void);\nint f(void) {\n        int a[3];\n        a[5] = 1;\n        return a[5];\n}\n',
    'clang-tidy': 'int f(int *p);\nint f(int *p) {\n        if (p)\n                return 1;\n        return *p;\n}\n',
}


class Lint(unittest.TestCase):
    def lint(self, tool, text):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, 'x.c')
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
            with open(os.path.join(d, 'compile_commands.json'), 'w', encoding='utf-8') as f:
                json.dump([{'directory': d, 'file': path, 'command': f'clang -std=gnu17 -c {path}'}], f)
            with open(os.path.join(settings.TOP, '.clang-tidy'), encoding='utf-8') as f, \
                 open(os.path.join(d, '.clang-tidy'), 'w', encoding='utf-8') as out:
                out.write(f.read())
            return subprocess.run([os.path.join(settings.TOP, 'scripts/lint'), tool, d, path], capture_output=True, text=True, check=False)

    def test_defect_is_found(self):
        for tool, text in BAD.items():
            with self.subTest(tool=tool):
                r = self.lint(tool, text)
                self.assertEqual((r.returncode, r.stdout.rstrip().split('\n')[-1]), (1, f'RESULT {tool} 0 1'), r.stdout + r.stderr)

    def test_good_code_passes(self):
        for tool in BAD:
            with self.subTest(tool=tool):
                r = self.lint(tool, 'int f(void);\nint f(void) {\n        return 0;\n}\n')
                self.assertEqual((r.returncode, r.stdout), (0, f'RESULT {tool} 1 0\n'), r.stderr)

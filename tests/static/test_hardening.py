"""What systemd thinks of the unit: the figures that docs/SECURITY-MODEL.md states, and their ceiling."""
import os
import re
import subprocess
import tempfile
import unittest

import settings

CEILING = 2.6 # of the unit as it is installed
DROP_INS = os.path.join(settings.TOP, 'data', 'unit-drop-ins')
MODEL = os.path.join(settings.TOP, 'docs', 'SECURITY-MODEL.md')


def exposure(drop_in=None):
    """Overall exposure level of pclass.service, with one drop-in or none."""
    with open(os.path.join(settings.BUILD, 'data', 'pclass.service'), encoding='utf-8') as f:
        text = f.read()
    if drop_in:
        with open(os.path.join(DROP_INS, drop_in), encoding='utf-8') as f:
            text += f.read()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'pclass.service')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        said = subprocess.run(['systemd-analyze', 'security', '--offline=true', '--no-pager', path], capture_output=True, text=True,
                              check=True)
    if re.search(r'Unknown|ignoring', said.stderr):
        raise AssertionError(said.stderr)
    return float(re.search(r'Overall exposure level for \S+: ([\d.]+)', said.stdout)[1])


def stated():
    """{drop-in or '': figure} of the table in the security model."""
    with open(MODEL, encoding='utf-8') as f:
        return {name: float(figure) for name, figure in re.findall(r'^\| (?:`([\w-]+\.conf)`|as installed) \| ([\d.]+) \|', f.read(), re.M)}


class Hardening(unittest.TestCase):
    def test_the_unit_is_closed(self):
        self.assertLessEqual(exposure(), CEILING)

    def test_the_figures_are_stated(self):
        measured = {name: exposure(name) for name in sorted(os.listdir(DROP_INS))} | {'': exposure()}
        print('systemd-analyze security:', measured)
        self.assertEqual(stated(), measured)

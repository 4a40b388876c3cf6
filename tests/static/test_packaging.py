"""What the packages say: one version everywhere, a sound RPM spec that has every file."""
import fnmatch
import json
import os
import re
import subprocess
import tempfile
import unittest

import settings

SPEC = os.path.join(settings.TOP, 'data', 'pclass.spec')
# rpm has not needed the tag for fifteen years; there is no public place of archives yet.
TOLERATED = re.compile(r'no-buildroot-tag|invalid-url Source0')
# What Fedora's macros say of systemd's directories; rpm on Debian does not know them.
MACROS = {'_unitdir': '/usr/lib/systemd/system', '_presetdir': '/usr/lib/systemd/system-preset', '_sysusersdir': '/usr/lib/sysusers.d',
          '_journalcatalogdir': '/usr/lib/systemd/catalog', '_tmpfilesdir': '/usr/lib/tmpfiles.d', 'dist': ''}


def read(*parts):
    with open(os.path.join(settings.TOP, *parts), encoding='utf-8') as f:
        return f.read()


def rpmlint(path):
    """Complaints about a spec, as lines; the tolerated ones left out."""
    r = subprocess.run(['rpmlint', path], capture_output=True, text=True, check=False)
    if ' 1 specfiles checked' not in r.stdout:
        return [r.stdout + r.stderr]
    return [line for line in r.stdout.splitlines() if re.match(r'\S+: [EW]: |\S+:\d+: [EW]: ', line) and not TOLERATED.search(line)]


def spec_files():
    """Patterns of %files, macros expanded."""
    define = [a for k, v in MACROS.items() for a in ('--define', f'{k} {v or "%{nil}"}')]
    text = subprocess.run(['rpmspec', '-P', *define, SPEC], capture_output=True, text=True, check=True).stdout
    body = re.search(r'^%files\n(.*?)^%files doc', text, re.M | re.S)[1]
    return [line.split()[-1] for line in body.splitlines() if '/' in line]


def installed():
    out = subprocess.run(['meson', 'introspect', '--installed', settings.BUILD], capture_output=True, text=True, check=True).stdout
    # Debian's systemd has its directories in /lib.
    return sorted(re.sub(r'^/lib/', '/usr/lib/', p) for p in json.loads(out).values())


class Packaging(unittest.TestCase):
    def test_the_installed_class_root_is_known_as_ours(self):
        name = re.search(r'^#define CONFIG_CLASS_ROOT_INSTALLED "(.*?)"', read('common', 'config.h'), re.M)[1]
        self.assertIn(f'\nClassRoot={name}\n', read('data', 'pclass.conf'))

    def test_one_version(self):
        version = re.search(r"version : '([\d.]+)'", read('meson.build'))[1]
        self.assertEqual(re.match(r'pclass \(([\d.]+)\)', read('debian', 'changelog'))[1], version)
        self.assertEqual(re.search(r'^Version:\s+(\S+)$', read('data', 'pclass.spec'), re.M)[1], version)
        self.assertIn(f'- {version}-1\n', read('data', 'pclass.spec'))

    def test_rpmlint_finds_nothing(self):
        self.assertEqual(rpmlint(SPEC), [])

    def test_a_mistake_is_found(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, 'pclass.spec')
            with open(path, 'w', encoding='utf-8') as f:
                f.write(read('data', 'pclass.spec').replace('%autosetup', '%setup -q\nrm -rf $RPM_BUILD_ROOT\t \n'))
            self.assertNotEqual(rpmlint(path), [])

    def test_the_spec_has_every_file_and_no_other(self):
        files, patterns = installed(), spec_files()
        self.assertGreater(len(patterns), 15)
        for path in files:
            self.assertTrue(any(fnmatch.fnmatch(path, p) or (p.endswith('/') and path.startswith(p)) for p in patterns), f'{path} is not in %files')
        for p in patterns:
            self.assertTrue(any(fnmatch.fnmatch(f, p) or f.startswith(p.rstrip('/') + '/') for f in files), f'{p} of %files is not installed')

    def test_documents_exist(self):
        names = read('debian', 'pclass-doc.docs').split() + re.search(r'^%doc (.*)$', read('data', 'pclass.spec'), re.M)[1].split()
        for name in names + ['LICENSE']:
            self.assertTrue(os.path.isfile(os.path.join(settings.TOP, name)), name)

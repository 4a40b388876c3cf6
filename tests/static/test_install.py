"""What `meson install` puts where: everything that a distribution needs, and nothing else."""
import json
import os
import re
import subprocess
import unittest

import settings

# Destinations; systemd's own directories are asked of systemd.pc by the build, so their beginning is left open.
WANTED = (
    r'/usr/bin/pclassctl',
    r'/usr/libexec/pclass/pclass-broker',
    r'/usr/libexec/pclass/pclassd',
    r'/usr/libexec/pclass/pclass-names',
    r'/usr/libexec/pclass/pclass-cmdline',
    r'/usr/libexec/pclass/pclass-classes',
    r'/usr/libexec/pclass/pclass-drain',
    r'/usr/libexec/pclass/pclass-leftovers',
    r'.*/systemd/system-preset/90-pclass\.preset',
    r'.*/systemd/system/pclass(-hierarchies)?\.service',
    r'.*/systemd/catalog/pclass\.catalog',
    r'.*/sysusers\.d/pclass\.conf',
    r'.*/tmpfiles\.d/pclass\.conf',
    r'/usr/share/pclass/unit-drop-ins/[a-z-]+\.conf',
    r'/etc/pclass/pclass\.conf',
    r'/etc/pclass/classes\.d/example\.conf',
    r'/etc/pclass/rules\.d/example\.rules',
    r'/usr/share/dbus-1/system\.d/org\.pclass\.conf',
    r'/usr/share/dbus-1/system-services/org\.pclass\.service',
    r'/usr/share/dbus-1/interfaces/org\.pclass\.\w+\.xml',
    r'/usr/share/polkit-1/actions/org\.pclass\.policy',
    r'/usr/share/bash-completion/completions/pclassctl',
    r'/usr/share/zsh/vendor-completions/_pclassctl',
    r'/usr/share/doc/pclass/examples/polkit-operators\.rules',
    r'/usr/share/man/man\d/(org\.)?pclass[\w.-]*\.\d',
)


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        out = subprocess.run(['meson', 'introspect', '--installed', settings.BUILD], capture_output=True, text=True, check=True).stdout
        cls.installed = sorted(json.loads(out).values())

    def test_everything_is_installed(self):
        for pattern in WANTED:
            self.assertTrue(any(re.fullmatch(pattern, p) for p in self.installed), f'{pattern} is not installed:\n' + '\n'.join(self.installed))

    def test_nothing_else_is_installed(self):
        self.assertEqual([p for p in self.installed if not any(re.fullmatch(w, p) for w in WANTED)], [])

    def test_every_page_and_interface_of_the_tree_is_installed(self):
        names = {os.path.basename(p) for p in self.installed}
        for folder, suffixes in (('docs/man', ('.1', '.5', '.7', '.8')), ('dbus', ('.xml',))):
            for name in os.listdir(os.path.join(settings.TOP, folder)):
                if name.endswith(suffixes):
                    self.assertIn(name, names, f'{folder}/{name}')

    def test_programs_are_hardened(self):
        for name in ('broker/pclass-broker', 'daemon/pclassd'):
            path = os.path.join(settings.BUILD, name)
            header = subprocess.run(['readelf', '-hlWd', path], capture_output=True, text=True, check=True).stdout
            self.assertRegex(header, r'Type:\s+DYN', f'{name} is not position-independent')
            self.assertIn('GNU_RELRO', header)
            self.assertRegex(header, r'BIND_NOW|FLAGS.*NOW')
            self.assertNotRegex(header, r'GNU_STACK.*RWE')

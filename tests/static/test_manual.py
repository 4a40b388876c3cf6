"""The manual: pages that mandoc finds nothing wrong with, and that say no less than the programs know."""
import os
import re
import subprocess
import unittest

import settings

MAN = os.path.join(settings.TOP, 'docs', 'man')
# What is not an error here: long source lines, a page's own name of the system, a machine without an index of its manuals.
TOLERATED = re.compile(r'input text line longer than 80 bytes|operating system explicitly specified|outdated mandoc\.db')
FOREIGN = {'busctl(1)', 'pkttyagent(1)', 'less(1)', 'ssh(1)', 'systemd-stdio-bridge(1)', 'sd_bus_path_encode(3)', 'capabilities(7)', 'cgroups(7)', 'polkit(8)', 'systemd.resource-control(5)', 'nice(1)',
           'cgrules.conf(5)', 'cgexec(1)', 'cgclassify(1)'}


def pages():
    return sorted(n for n in os.listdir(MAN) if re.search(r'\.[1-9]$', n))


def read(*parts):
    with open(os.path.join(settings.TOP, *parts), encoding='utf-8') as f:
        return f.read()


def plain(page):
    """The page as people see it, without bold and on one line."""
    text = subprocess.run(['mandoc', '-T', 'utf8', os.path.join(MAN, page)], capture_output=True, text=True, check=True).stdout
    return re.sub(r'\s+', ' ', re.sub(r'.\x08', '', text))


def lint(path):
    out = subprocess.run(['mandoc', '-T', 'lint', path], capture_output=True, text=True, check=False)
    return [line for line in (out.stdout + out.stderr).splitlines() if not TOLERATED.search(line) and 'referenced manual not found' not in line]


class Manual(unittest.TestCase):
    def test_mandoc_finds_nothing(self):
        self.assertGreaterEqual(len(pages()), 7)
        for page in pages():
            with self.subTest(page=page):
                self.assertEqual(lint(os.path.join(MAN, page)), [])

    def test_no_line_has_two_quotations(self):
        """Debian's man, which is groff, puts the second into the first; mandoc does not."""
        for page in pages():
            for number, line in enumerate(read('docs', 'man', page).splitlines(), 1):
                self.assertLess(len(re.findall(r'(?<![\w.-])\.?Ql(?!\w)', line)), 2, f'{page}:{number}')

    def test_a_mistake_is_found(self):
        path = os.path.join(settings.BUILD, 'bad.7')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('.Dd November 21, 2026\n.Dt BAD 7\n.Os\n.Sh NAME\n.Nm bad\n.Nd page\n.Sh DESCRIPTION\n.Bl -tag\n.It x\nno end\n')
        self.addCleanup(os.unlink, path)
        self.assertNotEqual(lint(path), [])

    def test_references_exist(self):
        known = {f'{n[:-2]}({n[-1]})' for n in pages()} | FOREIGN | {'pclass-broker(8)'}
        for page in pages():
            for name, section in re.findall(r'\bXr (\S+) (\d)', read('docs', 'man', page)):
                with self.subTest(page=page, name=name):
                    self.assertIn(f'{name}({section})', known)

    def has(self, page, words):
        text = plain(page)
        for word in words:
            with self.subTest(page=page, word=word):
                self.assertRegex(text, r'(?<![\w-])' + re.escape(word) + r'(?![\w-])')

    def test_every_key_of_pclass_conf(self):
        keys = re.findall(r'\{ "(\w+)", parse_', read('common', 'config.c'))
        self.assertIn('Mode', keys)
        self.has('pclass.conf.5', keys)
        protected = re.search(r'built_in\[\] = \{(.*?)\};', read('broker', 'protect.c'), re.S)[1]
        for glob in re.findall(r'"([^"]+)"', protected):
            self.assertIn(glob, plain('pclass.conf.5'))

    def test_every_key_of_a_class(self):
        source = read('common', 'classdef.c')
        keys = re.findall(r'\[CLASS_\w+\] = "(\w+)"', source) + re.findall(r'streq\(l->key, "(\w+)"\)', source)
        self.assertIn('CPUWeight', keys)
        self.has('pclass.classes.5', keys)

    def test_every_key_of_a_rule(self):
        keys = re.findall(r'\[KEY_\w+\] = "(\w+)"', read('rules', 'key.c'))
        self.assertIn('seuser', keys)
        self.has('pclass.rules.5', keys)

    def test_every_option_of_the_broker(self):
        options = re.findall(r'\{ "([a-z-]+)", (?:no|required)_argument', read('broker', 'options.c'))
        self.assertIn('supervise', options)
        self.has('pclassd.8', [f'--{o}' for o in options])

    def test_every_member_of_the_bus(self):
        for name in os.listdir(os.path.join(settings.TOP, 'dbus')):
            if name.endswith('.xml'):
                members = re.findall(r'<(?:method|property|signal|interface) name="([\w.]+)"', read('dbus', name))
                self.assertNotEqual(members, [], name)
                self.has('org.pclass.5', members)
        self.has('org.pclass.5', re.findall(r'"(org\.pclass\.[\w.]+)"', read('polkit', 'actions.h')))

    def test_every_command(self):
        verbs = re.findall(r'^        \{ "([a-z-]+)",', read('client', 'pclassctl.c'), re.M)
        self.assertIn('explain', verbs)
        self.has('pclassctl.1', verbs)

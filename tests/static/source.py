"""The source tree as the static tests see it: files, includes, code without comments and texts."""
import os
import re

ROOMS = ('common', 'rules', 'broker', 'polkit', 'daemon', 'dbus', 'client')
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
FUNCTION = re.compile(r'^(?:static |inline |_\w+_(?:\([^)]*\))? |const |unsigned |struct |enum )*[A-Za-z_][\w *]*?\b(\w+)\([^;]*?\) \{$',
                      re.M)


class Tree:
    """Every C file of the rooms below `root`, by its path relative to root."""

    def __init__(self, root):
        self.root = root
        self.files = {}
        for room in ROOMS:
            for folder, _, names in os.walk(os.path.join(root, room)):
                for name in names:
                    if name.endswith(('.c', '.h')):
                        path = os.path.join(folder, name)
                        with open(path, encoding='utf-8') as f:
                            self.files[os.path.relpath(path, root)] = f.read()

    def room(self, room):
        return {p: t for p, t in self.files.items() if p.startswith(room + '/')}


def _keep_lines(text):
    return re.sub(r'[^\n]', ' ', text)


def without_comments(text):
    return TOKEN.sub(lambda m: _keep_lines(m[0]) if m[0][0] == '/' else m[0], text)


def code_only(text):
    """Neither comments nor what stands inside quotes; lines stay where they are."""
    return TOKEN.sub(lambda m: _keep_lines(m[0]) if m[0][0] == '/' else m[0][0] + m[0][-1], text)


def literals(text):
    """(line, text) of each string literal."""
    for m in TOKEN.finditer(text):
        if m[0][0] == '"':
            yield text.count('\n', 0, m.start()) + 1, m[0][1:-1]


def includes(text):
    """(line, "<" or '"', what) of each include."""
    text = without_comments(text)
    for m in INCLUDE.finditer(text):
        yield text.count('\n', 0, m.start()) + 1, m[1], m[2]


def functions(text):
    """(name, lines) of each function, its signature and braces not counted."""
    text = code_only(text)
    for m in FUNCTION.finditer(text):
        end = text.find('\n}', m.end())
        if end >= 0 and m[1] not in ('if', 'for', 'while', 'switch'):
            yield m[1], text.count('\n', m.end(), end)

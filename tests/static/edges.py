"""Who may include whom. The table is docs/ARCHITECTURE.md's code map as data; broken() lists what goes against it."""
import source

# Our own headers: a room may always include its own and these.
OWN = {
    'common': (),
    'rules': ('common/',),
    'broker': ('common/',),
    'polkit': ('common/',),
    'daemon': ('common/', 'rules/'),
    'dbus': ('common/', 'rules/', 'polkit/', 'daemon/manager.h'),
    'client': ('common/', 'rules/'),
}
# Single files that may more, and why.
OWN_EXTRA = {
    'daemon/main.c': ('dbus/service.h',),  # the one place that joins the manager and the bus
}
# Headers of libraries, by how they begin; everything else in <> is libc or the kernel.
LIBRARIES = ('systemd/', 'selinux/', 'libmnl/', 'cap-ng.h', 'libcgroup.h', 'seccomp.h', 'json-c/', 'json.h', 'polkit/', 'gio/', 'glib')
LIBRARY = {
    'common': (),
    'rules': (),
    'broker': ('libcgroup.h', 'cap-ng.h', 'seccomp.h', 'systemd/sd-daemon.h'),
    'polkit': ('systemd/sd-bus.h',),
    'daemon': ('systemd/sd-event.h',),
    'dbus': ('systemd/sd-bus.h', 'systemd/sd-event.h'),
    'client': ('systemd/sd-bus.h', 'json-c/'),
}
LIBRARY_EXTRA = {
    'daemon/connector.c': ('libmnl/',),
    'daemon/procevent.c': ('libmnl/',),
    'daemon/selinux.c': ('selinux/',),
    'daemon/sandbox.c': ('seccomp.h',),
    'daemon/decisionlog.c': ('systemd/sd-journal.h',),  # structured entries
    'dbus/status.c': ('cap-ng.h',),                     # names of capabilities
    'client/bus.c': ('systemd/sd-daemon.h',),           # how services are started here
}
# The pure engine: no file, no clock, no environment, no output.
RULES_NOT_CALLED = ('open', 'openat', 'fopen', 'fdopen', 'opendir', 'read', 'write', 'readlink', 'stat', 'fstat', 'socket', 'printf',
                    'puts', 'perror', 'syslog', 'time', 'clock_gettime', 'gettimeofday', 'getenv', 'getpwnam', 'getpwuid',
                    'getgrnam', 'getgrgid', 'getgrouplist', 'rand', 'random')
RULES_NOT_INCLUDED = ('common/log.h', 'common/fd.h', 'common/channel.h', 'common/wire.h', 'common/config.h')


def _own_problem(path, what):
    room = path.split('/')[0]
    if '/' not in what:
        return 'includes are written from the top of the tree'
    allowed = (room + '/',) + OWN[room] + OWN_EXTRA.get(path, ())
    if not what.startswith(allowed):
        return f'{room}/ may not include {what}'
    if room == 'rules' and what in RULES_NOT_INCLUDED:
        return f'rules/ is pure: it may not include {what}'
    return None


def _library_problem(path, what):
    room = path.split('/')[0]
    if not what.startswith(LIBRARIES):
        return None
    if what.startswith(LIBRARY[room] + LIBRARY_EXTRA.get(path, ())):
        return None
    return f'{path} may not use <{what}>'


def broken(files):
    """Problems as "file:line: text" of a {path: text} dictionary."""
    problems = []
    for path, text in sorted(files.items()):
        for line, kind, what in source.includes(text):
            problem = (_own_problem if kind == '"' else _library_problem)(path, what)
            if problem:
                problems.append(f'{path}:{line}: {problem}')
    return problems


def impure(files):
    """Calls in rules/ that touch the world."""
    import re
    call = re.compile(r'(?<![\w.>])(' + '|'.join(RULES_NOT_CALLED) + r'|log_\w+)\s*\(')
    problems = []
    for path, text in sorted(files.items()):
        if path.startswith('rules/'):
            for n, line in enumerate(source.code_only(text).split('\n'), 1):
                m = call.search(line)
                if m:
                    problems.append(f'{path}:{n}: rules/ is pure: it may not call {m[1]}()')
    return problems

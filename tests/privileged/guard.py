"""No rule of a test may be able to catch a process that the test did not start.

A rule passes when one of its conditions, which all must hold, asks for an origin below the tests' own cgroup, or for a program
in the directory that this run made for its programs (arg0 as the actor is started). Nothing else is good enough: a uid that nobody has now may be somebody's in a minute, and another run of these very tests uses the same ones."""
import re

UIDS = range(61200, 61300)
USERS = {f'ptest{n}': UIDS[n] for n in range(5)}
CONDITION = re.compile(r'(!?)([a-z0-9-]+)(=|~|<=|>=)("(?:\\.|[^"\\])*"(?:\|\S+)?|\S+)')


class Unsafe(Exception):
    pass


def _confines(key, operator, value, own):
    if operator != '=':
        return False
    if key == 'cgroup':
        return all(part.startswith((own + '/', own + '.slice/')) for part in value.split('|'))
    return key == 'arg0' and all(re.match(r'/tmp/pclass-privileged\.\w{6}/bin/', part) for part in value.split('|'))


def fence(own):
    """The rule that goes before any that are not confined by themselves: everybody but the actors of the run's tests is left alone."""
    return f'fence: !cgroup={own}/home-* => ignore'


def check_cgrules(config, rules, own):
    """Rules of cgrules.conf name users only, and users may be anybody's. So the rules of pclass before them begin with the fence, every process outside of the run
    is protected (it is in the root of some hierarchy), and no destination but below the run's own cgroup is allowed."""
    roots = config.get('AllowedRoots', '').split()
    if not rules.startswith(fence(own) + '\n') or '/' not in config.get('Protect', '').split():
        raise Unsafe('rules of cgrules.conf without the fence')
    if not all(r.startswith(own + '/') for r in roots):
        raise Unsafe(f'a destination that is not the test\'s: {roots}')


def check(text, own):
    """Raises Unsafe unless every rule in the text is confined; own is the tests' cgroup, "/pclass-rig.1.0"; the slice
    beside it, "/pclass-rig.1.0.slice", is theirs as well."""
    assert re.fullmatch(r'/pclass-rig\.[0-9.]+', own), own
    for line in text.split('\n'):
        if not line.strip() or line.lstrip().startswith('#') or line == fence(own):
            continue
        conditions = line.partition(':')[2].partition('=>')[0]
        if not any(not m[1] and _confines(m[2], m[3], m[4], own) for m in CONDITION.finditer(conditions)):
            raise Unsafe(f'this rule could catch a process that is not the test\'s: {line}')
    return text

"""No rule of a test may be able to catch a process that the test did not start.

A rule passes when one of its conditions, which all must hold, says so by itself: a uid within the range that belongs to the tests,
a user made by the tests, or an origin below the tests' own cgroup."""
import re

UIDS = range(61200, 61300)
USERS = {f'ptest{n}': UIDS[n] for n in range(5)}
CONDITION = re.compile(r'(!?)([a-z0-9-]+)(=|~|<=|>=)("(?:\\.|[^"\\])*"(?:\|\S+)?|\S+)')


class Unsafe(Exception):
    pass


def _uids_ok(value):
    for part in value.split('|'):
        m = re.fullmatch(r'(\d+)(?:-(\d+))?', part)
        if not m or int(m[1]) not in UIDS or int(m[2] or m[1]) not in UIDS:
            return False
    return True


def _confines(key, operator, value, own):
    if operator != '=':
        return False
    if key in ('uid', 'user') and _uids_ok(value):
        return True
    if key == 'user':
        return all(part in USERS for part in value.split('|'))
    if key == 'cgroup':
        return all(part.startswith((own + '/', own + '.slice/')) for part in value.split('|'))
    return False


def check(text, own):
    """Raises Unsafe unless every rule in the text is confined; own is the tests' cgroup, "/pclass-rig.1.0"; the slice
    beside it, "/pclass-rig.1.0.slice", is theirs as well."""
    assert re.fullmatch(r'/pclass-rig\.[0-9.]+', own), own
    for line in text.split('\n'):
        if not line.strip() or line.lstrip().startswith('#'):
            continue
        conditions = line.partition(':')[2].partition('=>')[0]
        if not any(not m[1] and _confines(m[2], m[3], m[4], own) for m in CONDITION.finditer(conditions)):
            raise Unsafe(f'this rule could catch a process that is not the test\'s: {line}')
    return text


def assert_uids_unused(pids):
    """Nobody else may live in the range; pids is every process of the machine."""
    for pid in pids:
        try:
            with open(f'/proc/{pid}/status', encoding='utf-8', errors='replace') as f:
                ids = re.search(r'^Uid:\s+(.*)$', f.read(), re.M)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(int(i) in UIDS for i in ids):
            raise Unsafe(f'process {pid} has a uid that belongs to the tests: {ids}')

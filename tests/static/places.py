"""Texts and calls that belong to one file only: cgroup files, /proc."""
import re
import source

# Opening a cgroup file needs its name; only these files may know one, others hand it to cgroupfs_open() and its like.
CGROUP_FILES = re.compile(r'\bcgroup\.(procs|threads|subtree_control|kill|freeze|max\.\w+|type)\b|^tasks$|'
                          r'^(cpu|memory|pids|cpuset|io)\.[a-z_.]+$')
CGROUP_WRITERS = {'broker/cgroupfs.c'}
# A table that maps a property to a file name writes nothing itself.
CGROUP_NAMES = {'broker/limitfile.c', 'broker/limits.c'}
CGROUP_READERS = {'daemon/cgroupread.c'}
PROC_READERS = {'daemon/procinfo.c', 'daemon/procident.c', 'daemon/scan.c', 'daemon/cmdlinereader.c'}
# The broker reads where a process is, who it is and whether it is a kernel thread before it moves it.
OPEN_FOR_WRITING = re.compile(r'\bO_(WRONLY|RDWR)\b|\bcreat\s*\(|\bfopen\s*\([^)]*"[wa+]')


def misplaced_cgroup(files):
    """cgroup file names outside the files that may know them, but for an argument of a cgroupfs_ function on that line."""
    allowed = CGROUP_WRITERS | CGROUP_NAMES | CGROUP_READERS
    problems = []
    for path, text in sorted(files.items()):
        if path in allowed or path.split('/')[0] not in ('broker', 'daemon', 'dbus', 'polkit'):
            continue
        lines = text.split('\n')
        for line, literal in source.literals(text):
            if CGROUP_FILES.search(literal) and ' ' not in literal and 'cgroupfs_' not in lines[line - 1]:
                problems.append(f'{path}:{line}: only {", ".join(sorted(CGROUP_WRITERS))} may open the cgroup file "{literal}"')
    return problems


def writes(files, paths):
    """Files opened for writing in files that only read or only hold a table."""
    problems = []
    for path in sorted(paths):
        for n, line in enumerate(source.code_only(files.get(path, '')).split('\n'), 1):
            if OPEN_FOR_WRITING.search(line):
                problems.append(f'{path}:{n}: may not open a file for writing')
    return problems


def misplaced_proc(files):
    """/proc in a text of the daemon outside its readers."""
    problems = []
    for path, text in sorted(files.items()):
        if path.startswith('daemon/') and path not in PROC_READERS:
            for line, literal in source.literals(text):
                if re.search(r'/proc(/|$)', literal):
                    problems.append(f'{path}:{line}: only {", ".join(sorted(PROC_READERS))} may read "{literal}"')
    return problems

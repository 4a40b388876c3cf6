"""What the fault tests saw, in numbers: each test says its own, the run writes them to one file, from which tests/faults/table makes the tables
of docs/RELIABILITY.md."""
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time

SOAK = bool(os.environ.get('PCLASS_SOAK'))
SEED = int(os.environ.get('PCLASS_SEED') or random.SystemRandom().randrange(1 << 32))
PATH = os.environ.get('PCLASS_RECORD')
RECORD = {'form': 'soak' if SOAK else 'short', 'seed': SEED, 'begun': time.strftime('%Y-%m-%d %H:%M', time.gmtime()), 'kernel': platform.release(),
          'cores': os.cpu_count(), 'load': [os.getloadavg()[0]], 'figures': {}}
BEGAN = time.monotonic()


def seen(key, **figures):
    """One row's figures. The file is written anew each time: a run that is broken off leaves what it saw."""
    RECORD['figures'][key] = figures
    RECORD['load'].append(os.getloadavg()[0])
    print(f'     {key}: ' + ', '.join(f'{k} {v}' for k, v in figures.items()), flush=True)
    write()


def write():
    if PATH:
        with open(PATH, 'w', encoding='utf-8') as f:
            json.dump({**RECORD, 'seconds': round(time.monotonic() - BEGAN)}, f, indent=1)
            f.write('\n')


def spread(values, digits=2):
    """(median, greatest)"""
    return round(statistics.median(values), digits), round(max(values), digits)


def schedstat(pids, field):
    total = 0
    for pid in pids:
        try:
            with open(f'/proc/{pid}/schedstat', encoding='ascii') as f:
                total += int(f.read().split()[field])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total / 1e9


def ran(pids):
    """Seconds of processor time that these processes have used."""
    return schedstat(pids, 0)


def waited(pids):
    """Seconds that they were ready to run and waited for a processor: the machine's, not ours."""
    return schedstat(pids, 1)


def passed_cmocka(path):
    """How many tests of a cmocka program passed; raises if one failed."""
    r = subprocess.run([path], capture_output=True, text=True, check=False)
    if r.returncode != 0:
        sys.stdout.write(r.stdout + r.stderr)
        raise AssertionError(f'{path} ended with status {r.returncode}')
    return r.stderr.count('[       OK ]') + r.stdout.count('[       OK ]')

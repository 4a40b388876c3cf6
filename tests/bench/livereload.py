"""Ten thousand rules replaced while events come: what that takes, and how long an event waits meanwhile."""
import json
import statistics
import subprocess
import time

from contest import LOAD, MOVED, NOBODY, Ours, cpu_ns
from figures import Spread
from firstwrite import Expedited
from measure import MOVE, latencies

# No exe=, whose reader would start the service anew.
TEXT = ''.join(f'r{i}: comm=prog{i} uid={NOBODY} => benchdest\n' if i % 2 else f'r{i}: uid={NOBODY} arg0=/opt/app{i}/run gid={i} => benchdest\n'
               for i in range(9999)) + f'moved: uid={MOVED} comm=ptmove => benchdest\n'


def worst(values):
    """Without the first ones: the first write to a cgroup after idle waits for the kernel."""
    return max(v or 1e6 for v in values[5:]) / 1000


def longest_delay(service):
    """Milliseconds from exec to class, the most of a series of processes during which all rules are replaced."""
    probe = subprocess.Popen([f'{LOAD}/load', 'latency', '20000', str(MOVED), '0', MOVE, '/benchdest'], stdout=subprocess.PIPE, text=True)
    time.sleep(0.05)
    service.reload()
    probe.terminate()
    return worst(json.loads(probe.communicate(timeout=60)[0]))


def reload_live(f):
    took, calm, delayed, expedited = [], [], [], []
    d = Ours(TEXT)
    try:
        for _ in range(f.rounds):
            before = cpu_ns([d.listener()])
            d.service.reload()
            d.settle(still=0.02)
            took.append((cpu_ns([d.listener()]) - before) / 1e6)
            calm.append(worst(latencies(120, 0)))
            delayed.append(longest_delay(d.service))
            d.settle(still=0.02)
            with Expedited():
                expedited.append(longest_delay(d.service))
    finally:
        d.stop()
    f.most('reload_ms', '10,000 rules replaced live, CPU time of the listener', 50, Spread(took), unit=' ms')
    f.most('reload_delay_ms', '10,000 rules replaced live: longest delay of an event, exec to class', 5, Spread(delayed), unit=' ms',
           note=f'worst of as hot a series without a replacement {statistics.median(calm):.1f} ms')
    f.add('reload_delay_expedited_ms', 'the same with /sys/kernel/rcu_expedited set', 'none', Spread(expedited), None, unit=' ms')

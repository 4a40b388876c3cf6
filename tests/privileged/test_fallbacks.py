"""The same on an older kernel: what 6.13, 6.9 and 6.6 brought is left unused, and the main cases run again."""
import time

import test_classes
import test_events
import test_rules
import test_start
from case import Case, program

WITHOUT = 'pidfd-info,pidfs,event-mask'
PATIENCE = 10  # seconds that a change waits for its moves (daemon/settle.h)


def again(case):
    """The tests of a class, run without the newer kernel's help."""
    return type('Old' + case.__name__, (case,), {'WITHOUT': WITHOUT, '__module__': __name__})


OldExec = again(test_events.Exec)
OldIds = again(test_events.Ids)
OldThreads = again(test_events.Threads)
OldForks = again(test_events.Forks)
OldBefore = again(test_start.Before)
OldRestart = again(test_start.Restart)
OldLive = again(test_rules.Live)
OldTemplates = again(test_classes.Templates)


class WithoutConnector(Case):
    """Where the kernel tells nothing (a container), a scan every ScanSec does, and it is said aloud."""
    CLASSES, RULES = test_start.CLASSES, test_start.RULES
    WITHOUT, CONFIG, START = 'connector', {'ScanSec': '1'}, False

    def test_scans_find_what_no_event_told(self):
        before = self.spawn(path=program('pta'))
        self.service.expected = 'degraded'
        self.service.start()
        self.assertTrue(self.in_class(before.pid, 'a'), self.where(before.pid))
        self.assertNotEqual(self.service.get('/Status', 'Status', 'StateReason'), '')
        self.await_class(self.spawn('exec', program('pta')).pid, 'a')
        self.await_class(self.as_user(61210).pid, 'b')


class Alone(Case):
    """Nothing wakes the service for half a minute, so an answer that waited for the next event would come when a call's patience ends."""
    CLASSES, RULES = test_start.CLASSES, test_start.RULES
    WITHOUT, CONFIG, START = 'connector', {'ScanSec': '30', 'HeartbeatSec': '30', 'SweepSec': '0'}, False

    def test_who_waits_is_answered_when_the_pass_ends(self):
        self.service.expected = 'degraded'
        self.service.start()
        waiting = self.spawn(path=program('pta'))
        for _ in range(5):
            before = time.monotonic()
            self.service.call('/Status', 'Status', 'Reclassify', 'a{sv}', 0)
            self.assertLess(time.monotonic() - before, PATIENCE / 2)
            self.assertTrue(self.in_class(waiting.pid, 'a'), self.where(waiting.pid))


class OldFeatures(test_rules.Live):
    """Proof that the switch does something."""
    WITHOUT = WITHOUT

    def test_features_say_what_is_unused(self):
        features = self.service.get('/Status', 'Status', 'Features')
        for name in WITHOUT.split(','):
            self.assertNotIn(name, features)

"""Runs unittest suites and ends with the line that scripts/test counts: RESULT <suite> <passed> <failed>.

A skipped test counts as failed: whatever a suite needs is either installed by scripts/test or is a defect of the machine that
has to be seen."""
import sys
import time
import unittest


class Result(unittest.TextTestResult):
    """One line a test, with its time; keeps count of what passed."""

    def __init__(self, stream, descriptions, verbosity):
        super().__init__(stream, descriptions, 0)
        self.out = stream
        self.passed = 0
        self.bad = set()

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def say(self, word, test):
        took = time.monotonic() - getattr(self, 'began', time.monotonic())
        self.out.writeln(f'{word:4} {took:6.2f}s {test.id()}')
        self.out.flush()

    def fail(self, test):
        # One test may fail in several subtests and again in its clean-up: it is one failed test.
        self.bad.add(getattr(test, 'test_case', test).id())

    def stopTest(self, test):
        super().stopTest(test)
        if test.id() not in self.bad:
            self.passed += 1
            self.say('ok', test)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test)
        self.say('ERR', test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test)
        self.say('FAIL', test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.fail(test)
            self.say('FAIL', subtest)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.fail(test)
        self.say('SKIP', test)
        self.out.writeln(f'     nothing may be skipped: {reason}')

    def addExpectedFailure(self, test, err):
        self.addFailure(test, err)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.fail(test)


def run(suite_name, tests):
    """Runs the unittest suite `tests`, prints RESULT, returns the exit status."""
    runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0)
    result = runner.run(tests)
    failed = len(result.bad)
    if result.testsRun == 0:
        print('no test was found')
        failed = 1
    print(f'RESULT {suite_name} {result.passed} {failed}', flush=True)
    return 1 if failed else 0


def select(tests, patterns):
    """The tests whose id contains one of the texts; all of them when there are none."""
    if not patterns:
        return tests
    chosen = unittest.TestSuite()
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            chosen.addTests(select(test, patterns))
        elif any(p in test.id() for p in patterns):
            chosen.addTest(test)
    return chosen

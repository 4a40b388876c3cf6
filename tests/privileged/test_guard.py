"""The guard itself: what it must refuse, it refuses."""
import unittest

import guard

OWN = '/pclass-rig.7.0'
BAD = (
    'a: comm=sshd => web',
    'a: uid=0 => web',
    'a: uid>=61200 => web',
    'a: uid=61200-70000 => web',
    'a: uid=61200|0 => web',
    'a: !uid=61200 => web',
    'a: user=root => web',
    'a: user=ptest0|root => web',
    'a: user=ptest* => web',
    'a: cgroup=/pclass-rig.7.0* => web',
    'a: cgroup=/* => web',
    'a: cgroup=/pclass-rig.7.0.slic* => web',
    'a: cgroup=/pclass-rig.7.0/x|/y => web',
    'a: !cgroup=/pclass-rig.7.0/x => web',
    'a: comm="uid=61200" => web',
    'a: arg0=*uid=61200 => web',
    'a: gid=61200 => web',
    'a: arg0=/tmp/pclass-privileged.* => web',
    'a: arg0=/tmp/pclass-privileged.aB3xyz/bin/x|/bin/sh => web',
    'a: uid=61200 => web',
    'a: user=ptest0 => web',
    'a: cgroup=/pclass-rig.7.0/x => web\nb: comm=* => web',
)
GOOD = (
    'a: comm="a b" cgroup=/pclass-rig.7.0/home* => web',
    '# words\n\na: cgroup=/pclass-rig.7.0/* !comm=x => ignore',
    'a: comm=x cgroup=/pclass-rig.7.0.slice/* => web',
    'a: arg0=/tmp/pclass-privileged.aB3xyz/bin/* => web',
)


class Guard(unittest.TestCase):
    def test_it_refuses(self):
        for text in BAD:
            with self.subTest(text=text), self.assertRaises(guard.Unsafe):
                guard.check(text, OWN)

    def test_it_passes(self):
        for text in GOOD:
            with self.subTest(text=text):
                self.assertEqual(guard.check(text, OWN), text)

"""Include edges and the places of dangerous texts; and that a breach of each would be seen."""
import unittest

import edges
import places
import settings
import source


class Edges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = source.Tree(settings.TOP).files

    def none(self, problems):
        self.assertEqual(problems, [], '\n' + '\n'.join(problems))

    def test_every_room_has_code(self):
        for room in source.ROOMS:
            self.assertTrue(any(p.startswith(room + '/') and p.endswith('.c') for p in self.files), f'{room}/ has no C file')

    def test_includes_go_downward(self):
        self.none(edges.broken(self.files))

    def test_rules_are_pure(self):
        self.none(edges.impure(self.files))

    def test_cgroup_files_have_one_writer(self):
        self.none(places.misplaced_cgroup(self.files))
        self.none(places.writes(self.files, places.CGROUP_READERS | places.CGROUP_NAMES))

    def test_proc_has_two_readers(self):
        self.none(places.misplaced_proc(self.files))


class SelfTest(unittest.TestCase):
    """A check that finds nothing in a bad file is no check."""

    BAD_INCLUDES = {
        'rules/x.c': '#include "daemon/manager.h"',
        'rules/y.c': '#include "common/log.h"',
        'broker/x.c': '#include "rules/rule.h"',
        'broker/y.c': '#include <systemd/sd-event.h>',
        'broker/z.c': '  #  include <selinux/selinux.h>',
        'daemon/x.c': '#include "dbus/service.h"',
        'daemon/y.c': '#include <selinux/selinux.h>',
        'daemon/z.c': '#include "broker/cgroupfs.h"',
        'dbus/x.c': '#include "daemon/procinfo.h"',
        'dbus/y.c': '#include <libmnl/libmnl.h>',
        'polkit/x.c': '#include "dbus/service.h"',
        'client/x.c': '#include "daemon/manager.h"',
        'common/x.c': '#include "rules/rule.h"',
        'common/y.c': '#include <seccomp.h>',
        'common/z.c': '#include "macro.h"',
    }
    GOOD_INCLUDES = {
        'daemon/main.c': '#include "dbus/service.h"\n#include <systemd/sd-event.h>\n',
        'daemon/selinux.c': '#include <selinux/selinux.h>\n',
        'broker/main.c': '#include <systemd/sd-daemon.h>\n#include <sys/types.h>\n#include "common/fd.h"\n',
        'dbus/rules.c': '#include "daemon/manager.h"\n/* #include "daemon/procinfo.h" */\n',
    }

    def test_each_forbidden_include_is_caught(self):
        for path, text in self.BAD_INCLUDES.items():
            with self.subTest(path=path, text=text):
                self.assertEqual(len(edges.broken({path: text})), 1)

    def test_allowed_includes_pass(self):
        self.assertEqual(edges.broken(self.GOOD_INCLUDES), [])

    def test_impure_call_is_caught(self):
        self.assertEqual(len(edges.impure({'rules/x.c': 'int f(void) {\n        return open("x", 0);\n}\n'})), 1)
        self.assertEqual(len(edges.impure({'rules/x.c': '        log_error("x");\n'})), 1)
        self.assertEqual(edges.impure({'rules/x.c': '/* open() */ "time(" s->open(x) reopen(x)'}), [])

    def test_misplaced_texts_are_caught(self):
        self.assertEqual(len(places.misplaced_cgroup({'daemon/x.c': 'f("cgroup.procs")'})), 1)
        self.assertEqual(len(places.misplaced_cgroup({'broker/main.c': 'f("memory.max")'})), 1)
        self.assertEqual(places.misplaced_cgroup({'broker/main.c': '/* cgroup.procs */\ncgroupfs_open(fd, p, "cgroup.procs")'}), [])
        self.assertEqual(len(places.misplaced_proc({'daemon/x.c': 'f("/proc/%d/exe")'})), 1)
        self.assertEqual(places.misplaced_proc({'daemon/procinfo.c': 'f("/proc")', 'daemon/x.c': 'g("/process")'}), [])
        self.assertEqual(len(places.writes({'a.c': 'open(p, O_WRONLY)'}, ['a.c'])), 1)

#!/usr/bin/env python3
"""Writes the first inputs of the targets whose inputs nobody can type: tests/fuzz/seeds.py, then look at what git says. Sizes are those of common/wire.h,
daemon/names-protocol.h and daemon/cmdline-protocol.h; what does not fit any more is still an input, only a dull one."""
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
REPLY = 0x8000


def put(target, name, data):
    folder = os.path.join(HERE, "corpus-" + target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def text(s, size):
    return s.encode().ljust(size, b"\0")


def flagged(flags, data):
    """A datagram of fuzz-answers.c."""
    return struct.pack("<BH", flags, len(data)) + data


def sized(data):
    """One of fuzz-helpers.c."""
    return struct.pack("<H", len(data)) + data


# ---- files of pclassd: which one, then its bytes; 0x80: a checksum in front, 0x40: a copy before it
WHOLE, COPY = 0x80, 0x40
rules = b"# Rules\nweb: uid=1000 => web\n# before web\nfirst: comm=x => a/b\n# after first\nexe=/usr/bin/* => users/%u sticky\n"
disabled = b"web\nfirst\n# none\n"
assignments = (b"boot b\norder 1 2 0 1 0 0 0 web\norder 7 0 1000 0 1 1 99 users/1000\nprocess 1 100 abc\nprocess 1 101 abd\n"
               b"process 7 102 ffffffffffffffff\n")
marks = b"100 abc stick ?\n101 abc ? ci\n102 abc stick .\n103 abc plain web\n"
for i, (name, data) in enumerate([("rules", rules), ("disabled", disabled), ("mode", b"enforce\n"), ("assignments", assignments), ("marks", marks)]):
    put("state", name, bytes([i]) + data)
    put("state", name + "-whole", bytes([i | WHOLE]) + data)
    put("state", name + "-damaged", bytes([i | COPY]) + b"# checksum 0123456789abcdef\n" + data)
    put("state", name + "-cut", bytes([i | COPY]) + b"# checksum 0123")
put("state", "assignments-other-boot", bytes([3]) + assignments.replace(b"boot b", b"boot c"))
put("state", "assignments-twice", bytes([3 | WHOLE]) + assignments + b"process 7 100 1\norder 1 0 0 0 0 0 0 x\n")

# ---- files of the broker
put("origins", "origins", b"\0" + b"100 500 7 memory /m\n100 500 7 cgroup2 /a b/c\n101 500 8 cpuset /\n102 501 9 memory /dead\n103 50")
put("origins", "torn", b"\0" + b"100 500 7\nx\n100 500 7 nosuch /m\n-1 5 7 memory /m\n100 500 7 memory relative\n\n100 500 7 memory /older\n")
put("origins", "tuned", b"\1" + b"[Class web]\nMemoryHigh=1G\nCPUWeight=50\n[Class users/1000]\nTasksMax=10\n")
put("origins", "tuned-damaged", b"\x81# checksum 0123456789abcdef\n[Class web]\nMemoryHigh=1G\n")
put("origins", "tuned-empty", b"\x81")
put("origins", "tuned-empty-alone", b"\xc1")
put("origins", "runtime-damaged", b"\x82# checksum 0123456789abcdef\nruntime/one memory\n")
put("origins", "runtime-cut-alone", b"\xc2# checksum 0123456789")
put("origins", "runtime", b"\2" + b"runtime/one memory\nruntime\nruntime/one/two cgroup2 memory\nruntime/../x\nweb\nruntime/three nosuch\n")

# ---- answers: exact 1, asked 2, ends 4
def names_reply(seq, code, id_, n_gids, name, gids=()):
    return struct.pack("<IiII", seq, code, id_, n_gids) + text(name, 256) + b"".join(struct.pack("<I", g) for g in gids)

put("answers", "names", b"\0" + flagged(7, names_reply(0, 0, 1000, 0, "ann")) + flagged(7, names_reply(1, 0, 4, 3, "ann", (4, 5, 6))) +
    flagged(7, names_reply(2, 0, 4, 0, "staff")))
put("answers", "names-none", b"\0" + flagged(7, names_reply(0, -2, 0, 0, "")) + flagged(7, names_reply(0, -11, 0, 0, "")))
put("answers", "names-many", b"\0" + flagged(7, names_reply(0, 0, 1, 0xffffffff, "x")) + flagged(7, names_reply(0, 0, 1, 1024, "x")) +
    flagged(7, names_reply(0, 0, 1, 1025, "x")))
put("answers", "names-short", b"\0" + flagged(2, names_reply(0, 0, 1, 0, "x")))
put("answers", "names-stranger", b"\0" + flagged(1, names_reply(77, 0, 1, 0, "x")))
put("answers", "lines", b"\1" + flagged(7, struct.pack("<IiII", 0, 0, 9, 0) + b"prog\0arg1\0") + flagged(7, struct.pack("<IiII", 0, -110, 0, 0)) +
    flagged(7, struct.pack("<IiII", 0, 0, 4095, 1) + b"x" * 200))
put("answers", "lines-long", b"\1" + flagged(3, struct.pack("<IiII", 0, 0, 4096, 0) + b"y" * 64))
put("answers", "lines-error", b"\1" + flagged(3, struct.pack("<IiII", 0, 5, 0, 0)))
exe = struct.pack("<HHIIi", 64 | REPLY, 1, 1, 100, 0) + b"/usr/bin/true\0"
put("answers", "exe", b"\2" + flagged(7, exe) + flagged(7, struct.pack("<HHIIi", 64 | REPLY, 1, 1, 100, -66)) + flagged(7, exe))
put("answers", "exe-long", b"\2" + flagged(3, struct.pack("<HHIIi", 64 | REPLY, 1, 1, 100, 0) + b"/" + b"a" * 1023))
put("answers", "exe-two", b"\2" + flagged(2, struct.pack("<HHI", 64 | REPLY, 2, 1)))

# ---- what helpers are asked
def header(op, count, seq=5):
    return struct.pack("<HHI", op, count, seq)

set_member = struct.pack("<IIQiiQQ", 100, 7, 500, 5, -100, 1024, 4096)
put("helpers", "exe", bytes([3]) + sized(header(64, 1) + struct.pack("<II", 100, 0)) * 2)
put("helpers", "exe-two", bytes([6]) + sized(header(64, 2) + struct.pack("<IIII", 100, 0, 101, 0)))
put("helpers", "exe-no-descriptor", bytes([0]) + sized(header(64, 1) + struct.pack("<II", 100, 0)))
put("helpers", "exe-too-many", bytes([51]) + sized(header(64, 1) + struct.pack("<II", 100, 0)))
put("helpers", "member", bytes([1]) + sized(header(65, 1) + set_member) + sized(header(65, 2) + set_member * 2))
put("helpers", "member-short", bytes([1]) + sized(header(65, 2) + set_member))
put("helpers", "member-other", bytes([1]) + sized(header(2, 1) + set_member))
member_reply = struct.pack("<iiiiiIQQ", 0, -1, -3, 5, 6, 0, 1024, 4096)
put("helpers", "answer", bytes([2]) + sized(header(65 | REPLY, 1) + member_reply) * 2)
put("helpers", "answer-two", bytes([2]) + sized(header(65 | REPLY, 2) + member_reply * 2))

# ---- questions to pclass-names
for kind, id_, name in [(0, 0, "root"), (1, 0, "staff"), (2, 0, ""), (3, 0, ""), (2, 4294967295, ""), (9, 1, "x"), (0, 0, "no such user")]:
    question = struct.pack("<III", 7, kind, id_) + name.encode()
    put("names", "%d-%s" % (kind, name.replace(" ", "-") or id_), struct.pack("<H", len(question) | 0x8000) + question)
put("names", "several", b"".join(struct.pack("<H", 16 | 0x8000) + struct.pack("<III", i, i % 4, 0) + b"root" for i in range(6)))
put("names", "short", struct.pack("<H", 12) + struct.pack("<III", 1, 0, 0))
put("names", "endless", struct.pack("<H", 268) + struct.pack("<III", 1, 0, 0) + b"a" * 256)

# ---- requests to the broker: op, items - 1, size
def request(op, items, more=0):
    return struct.pack("<BBH", op, more, len(items)) + items

setting = struct.pack("<II", 0, 0) + text("200", 256)
put("broker", "ping", request(0, struct.pack("<II", 1, 0) + b"fine"))
put("broker", "move", request(1, b"".join(struct.pack("<IIIIQ", pid, 0, 3, 0, 8) for pid in (101, 102, 1, 900)), 3))
put("broker", "move-return", request(1, struct.pack("<IIIIQ", 101, 0, 3, 0, 8)) + request(2, struct.pack("<IIIIQ", 101, 0, 0, 0, 8)))
put("broker", "instance", b"".join(request(3, struct.pack("<II", t, 0) + b"1000\0") + request(4, struct.pack("<II", i, 0)) for t, i in ((2, 7), (3, 8), (5, 9))))
put("broker", "check", request(6, b"") + request(7, struct.pack("<II", 0, 0)))
put("broker", "tune", b"".join(request(8, struct.pack("<II", c, 1) + struct.pack("<II", p, 0) + text("50%", 256)) for c in range(3) for p in range(4)))
put("broker", "classes", request(9, text("runtime/one", 256) + struct.pack("<II", 0, 0)) + request(9, text("runtime/one/two", 256) + struct.pack("<II", 3, 0)) +
    request(10, struct.pack("<II", 10, 0)) + request(10, struct.pack("<II", 11, 1)) + request(10, struct.pack("<II", 10, 2)))
put("broker", "place", request(11, struct.pack("<IIII", 0, 1, 1, 0) + b"students/peter\0"))
put("broker", "raw", request(0x80, header(3, 1) + struct.pack("<IIIIQ", 101, 0, 3, 0, 8)))
put("broker", "restart", request(5, b"") + request(1, struct.pack("<IIIIQ", 103, 0, 1, 0, 8)))

# ---- arguments of methods: which, object, then the arguments; strings of 0xc0 and above are known words
def word(n):
    return bytes([0xc0 + n])

def string(s):
    return bytes([len(s)]) + s.encode()

def number(n):
    return b"\x01" + bytes([n])

for which in range(26):
    put("dbus", "%02d-text" % which, bytes([which, 0]) + string("uid=0 => web") + b"\x01" + word(0) + b"\x00" + word(27))
    put("dbus", "%02d-numbers" % which, bytes([which, 0]) + number(7) + b"\x01" + word(5) + b"\x02" + number(9))
    put("dbus", "%02d-path" % which, bytes([which, 0]) + word(39) + b"\x02" + word(10) + b"\x01\x01" + word(11) + b"\x00" + word(16))
    put("dbus", "%02d-process" % which, bytes([which, 0]) + b"\x01" + word(39) + b"\x01" + word(10) + b"\x01\x01")
    put("dbus", "%02d-properties" % which, bytes([which, 0]) + b"\x02" + word(33) + b"\x02" + number(50) + word(34) + b"\x00" + string("1G"))
    put("dbus", "%02d-new-class" % which, bytes([which, 0]) + word(38) + b"\x02" + word(32) + b"\x00" + string("memory") + word(34) + b"\x03" + number(99))
    put("dbus", "%02d-unknown" % which, bytes([which, 1]) + string("x") + b"\x01" + string("nonsense") + b"\x0c\x01" + string("y") + b"\x0b\x02")

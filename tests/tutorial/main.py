"""Runs docs/TUTORIAL.md: every ```sh block in one shell, in order; what a block prints is compared with the ```text block behind it.

Changed on the way in: each rule is confined to what the tutorial itself started (a condition on the origin), and `systemctl` is a function
that starts the service by hand, for there is no systemd in the rig. Nothing else."""
import os
import re
import subprocess
import sys
import time

TOP, STATE, HOME = sys.argv[1], sys.argv[2], sys.argv[3]
BLOCK = re.compile(r'^```(\w+)( fails)?\n(.*?)^```$', re.M | re.S)
SECONDS = 180  # for one block


def read_blocks(text):
    """[(line, commands, fails, expected or None)]"""
    blocks = []
    for m in BLOCK.finditer(text):
        line = text.count('\n', 0, m.start()) + 1
        if m[1] == 'sh':
            blocks.append([line, m[3], bool(m[2]), None])
        elif m[1] == 'text':
            blocks[-1][3] = m[3]
    return blocks


def confine(commands):
    commands = commands.replace(' => ', f' cgroup={HOME}* => ')
    return commands.replace('pclassctl test ', f'pclassctl test --cgroup={HOME} ')


def pattern(expected):
    """A line of … alone is any number of lines, … within a line any text."""
    parts = []
    for line in expected.splitlines():
        if line == '…':
            parts.append(r'(?:.*\n)*?')
        else:
            parts.append(r'[ \t]*' + '.*'.join(r'[ \t]+'.join(map(re.escape, re.split(r'[ \t]+', p))) for p in line.lstrip().split('…')) + r'[ \t]*\n')
    return re.compile(''.join(parts))


class Shell:
    """One bash in the rig for the whole tutorial."""

    def __init__(self):
        self.out = open(f'{STATE}/tutorial.out', 'w+b')
        self.bash = subprocess.Popen([f'{TOP}/tests/lib/rig.sh', 'run', STATE, '-c', 'home', 'bash'], stdin=subprocess.PIPE, stdout=self.out,
                                     stderr=self.out, cwd=f'{STATE}/clone')
        self.n = 0

    def run(self, commands):
        """(status, output) of a block: every command of it has to succeed."""
        self.n += 1
        end = f'--end-of-block-{self.n}-'
        begin = os.fstat(self.out.fileno()).st_size
        # Each command by itself in the same shell, jobs and variables kept; the first that fails ends the block.
        script = f'{STATE}/block'
        with open(script, 'w', encoding='utf-8') as f:
            f.write('trap "status=\\$?; trap - ERR; return \\$status" ERR\n' + commands + 'trap - ERR\n')
        self.bash.stdin.write(f'. {script}; echo "{end}$?"; trap - ERR\n'.encode())
        self.bash.stdin.flush()
        until = time.monotonic() + SECONDS
        while True:
            with open(self.out.name, 'rb') as f:
                f.seek(begin)
                text = f.read().decode(errors='replace')
            m = re.search(re.escape(end) + r'(\d+)\n', text)
            if m:
                return int(m[1]), text[:m.start()]
            if self.bash.poll() is not None or time.monotonic() > until:
                return -1, text
            time.sleep(0.02)


def judge(status, output, fails, expected):
    if (status != 0) != fails:
        return f'status {status}'
    if expected is not None and not pattern(expected).fullmatch(output):
        return f'other output than\n{expected}'
    return None


def self_test():
    """A comparison that cannot fail is none."""
    good = pattern('a … c\n…\nend\n')
    return good.fullmatch('a b c\nx\ny\nend\n') and not good.fullmatch('a b d\nend\n') and not good.fullmatch('a b c\nx\n')


def main():
    with open(f'{TOP}/docs/TUTORIAL.md', encoding='utf-8') as f:
        blocks = read_blocks(f.read())
    shell = Shell()
    status, output = shell.run(f'. {TOP}/tests/tutorial/shell.sh {STATE}\n')
    if status != 0 or not self_test() or len(blocks) < 10:
        print(f'the shell or the comparison does not work: {output}\nRESULT tutorial 0 1')
        return 1
    passed = failed = 0
    for line, commands, fails, expected in blocks:
        began = time.monotonic()
        status, output = shell.run(confine(commands))
        problem = judge(status, output, fails, expected)
        print(f'{"FAIL" if problem else "ok  "} {time.monotonic() - began:6.2f}s docs/TUTORIAL.md:{line}: {commands.splitlines()[0]}', flush=True)
        if problem:
            print(f'{problem}\nIt printed:\n{output}')
            failed += 1
        else:
            passed += 1
    shell.bash.stdin.close()
    print(f'RESULT tutorial {passed} {failed}')
    return 1 if failed else 0


sys.exit(main())

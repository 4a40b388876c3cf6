"""Makes a process of ours do a system call that it would never do by itself (x86_64): what its sandbox says to that is what a taken-over
process would hear."""
import ctypes
import os
import platform

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long
ATTACH, DETACH, GETREGS, SETREGS, CONT = 16, 17, 12, 13, 7
WALL = 0x40000000
# struct user_regs_struct, sys/user.h
REGS = ('r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs').split()
CALLS = {'execve': 59, 'ptrace': 101, 'mount': 165, 'bpf': 321, 'unshare': 272, 'setuid': 105}


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in REGS]


def ptrace(request, pid, data=None):
    if LIBC.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f'ptrace {request} of {pid}')


def force(pid, call):
    """The process, which waits in a system call, does `call` with zeros instead; returns at once."""
    assert platform.machine() == 'x86_64'
    ptrace(ATTACH, pid)
    os.waitpid(pid, WALL)
    regs = Registers()
    ptrace(GETREGS, pid, ctypes.byref(regs))
    regs.rip -= 2  # the two bytes of the instruction that it waits behind
    regs.rax = CALLS[call]
    regs.orig_rax = (1 << 64) - 1  # nothing to restart
    regs.rdi = regs.rsi = regs.rdx = regs.r10 = 0
    ptrace(SETREGS, pid, ctypes.byref(regs))
    ptrace(DETACH, pid)

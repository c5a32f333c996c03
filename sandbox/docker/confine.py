"""The last doors: what the container's start needed and no program does is taken away from this process for good.

The container's own seccomp profile allows `execve` and `fork`, because the container starts by them. A second filter,
which the kernel adds to the first and nobody can remove, denies them from here on: no program, no process, no
SIGKILL, no further filter. Whatever the program does to its interpreter, these answer EPERM.
"""

import ctypes
import os
import struct

# linux/audit.h; the numbers are those of asm/unistd.h.
_MACHINES = {
    "x86_64": (
        0xC000003E,
        {"execve": 59, "execveat": 322, "fork": 57, "vfork": 58, "clone": 56, "clone3": 435,
         "prctl": 157, "seccomp": 317, "statfs": 137, "fstatfs": 138, "kill": 62, "tkill": 200, "tgkill": 234},
    ),
    "aarch64": (
        0xC00000B7,
        {"execve": 221, "execveat": 281, "clone": 220, "clone3": 435,
         "prctl": 167, "seccomp": 277, "statfs": 43, "fstatfs": 44, "kill": 129, "tkill": 130, "tgkill": 131},
    ),
}

_DENIED = ("execve", "execveat", "fork", "vfork", "prctl", "seccomp", "statfs", "fstatfs")
# Which argument holds the signal.
_SIGNALS = {"kill": 1, "tkill": 1, "tgkill": 2}

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000
_SIGKILL = 9
# Offsets in `struct seccomp_data`; arguments have 64 bits, of which the lower half comes first.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2


def _program(machine):
    architecture, numbers = _MACHINES[machine]
    code = []

    def step(operation, value, then=0, otherwise=0):
        code.append(struct.pack("=HBBI", operation, then, otherwise, value))

    step(_LOAD, _ARCHITECTURE)
    step(_EQUAL, architecture, 1, 0)
    step(_RETURN, _KILL_PROCESS)
    step(_LOAD, _NUMBER)
    if machine == "x86_64":
        step(_ANY_BIT, _X32, 0, 1)
        step(_RETURN, _ERRNO | _EPERM)
    for name in _DENIED:
        if name in numbers:
            step(_EQUAL, numbers[name], 0, 1)
            step(_RETURN, _ERRNO | _EPERM)
    step(_EQUAL, numbers["clone3"], 0, 1)
    step(_RETURN, _ERRNO | _ENOSYS)
    # A thread may be made, a process may not.
    step(_EQUAL, numbers["clone"], 0, 4)
    step(_LOAD, _ARGUMENTS)
    step(_ANY_BIT, _CLONE_THREAD, 0, 1)
    step(_RETURN, _ALLOW)
    step(_RETURN, _ERRNO | _EPERM)
    # Nobody in here can send SIGKILL, so that one which arrives came from outside.
    for name, argument in _SIGNALS.items():
        step(_EQUAL, numbers[name], 0, 4)
        step(_LOAD, _ARGUMENTS + 8 * argument)
        step(_EQUAL, _SIGKILL, 0, 1)
        step(_RETURN, _ERRNO | _EPERM)
        step(_RETURN, _ALLOW)
    step(_RETURN, _ALLOW)
    return len(code), b"".join(code)


def confine():
    """Adds the filter. Raises OSError where the kernel refuses it: then no program may run here."""
    count, code = _program(os.uname().machine)
    held = ctypes.create_string_buffer(code)
    # struct sock_fprog: a count, padding, and a pointer.
    header = struct.pack("@HP", count, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "the kernel refuses the runner's seccomp filter: " + os.strerror(number))

"""Becomes another program that cannot outlive its parent; run by path, never imported for use.

`python child_exec.py DEATH_SIGNAL PARENT_PID [as-nobody] -- PROGRAM ARGS...`

A program of its own, because the same steps in a `preexec_fn` would run between fork and exec of a
process that may have threads, which can deadlock. Linux only in effect: elsewhere it just executes.
"""

import ctypes
import os
import struct
import sys

NOBODY = 65534
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def enter_user_namespace(libc: ctypes.CDLL) -> bool:
    """Make root appear as nobody inside a user namespace: no chown, files stay root's."""
    if libc.unshare(CLONE_NEWUSER) != 0:
        return False
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{NOBODY} 0 1"),
        ("gid_map", f"{NOBODY} 0 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    return True


def become_nobody(libc: ctypes.CDLL) -> None:
    """Change to nobody, keeping the right to read below folders such as a 0700 home.

    Without that right the binaries and the data would have to be copied out of such a home.
    """
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    bit = 1 << CAP_DAC_OVERRIDE
    header = ctypes.create_string_buffer(struct.pack("Ii", CAPABILITY_VERSION_3, 0))
    data = ctypes.create_string_buffer(struct.pack("6I", bit, bit, bit, 0, 0, 0))
    if libc.capset(header, data) == 0:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def main(arguments: list[str]) -> None:
    options, argv = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    death_signal, parent = int(options[0]), int(options[1])
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if "as-nobody" in options and not enter_user_namespace(libc):
            become_nobody(libc)
        if "as-nobody-by-uid" in options:
            become_nobody(libc)
        # After the change of credentials, which would clear it again.
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(f"{argv[0]}: the parent is gone already")
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])

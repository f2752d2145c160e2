"""Run a command that dies with whoever started it: `python leash.py PARENT COMMAND...` (Linux).

A parent killed with -9 cannot stop its children; the kernel can. The request survives `exec`, so this process
becomes the command and costs nothing afterwards. It is a script of its own, not a `preexec_fn`, because Python code
between fork and exec may hang when the parent has threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Ask the kernel for the leash, then become the command."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before the leash was on
        sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 -- no shell is what we want
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])

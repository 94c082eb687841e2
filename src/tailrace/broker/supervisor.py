"""The process between us and Java: Java ends when we do, however we end.

It is run as a script by a bare interpreter, so it imports nothing of ours and little else. Orders come by
standard input: `stop SECONDS` ends Java (SIGTERM, SIGKILL when the time is over), `kill` ends it at once.
Our end, clean or by kill -9, closes that pipe; a forked child of ours may hold it open, so the parent's id
is watched too. Should this process be killed itself, Linux ends Java by PR_SET_PDEATHSIG, which is safe
here because one thread is all there is.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time

ORPHAN_GRACE = 2.5
"""Seconds that Java has to end cleanly when we are gone; an unclean end costs only a slower start."""
WATCH = 0.25
"""Seconds between two looks at Java and at the parent."""
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """In Java's process, before it is Java."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end(java: "subprocess.Popen[bytes]", grace: float) -> int:
    """End Java, kindly at first."""
    java.terminate()
    try:
        return java.wait(grace)
    except subprocess.TimeoutExpired:
        java.kill()
        return java.wait()


def obey(java: "subprocess.Popen[bytes]", order: bytes) -> int:
    """Carry out one order; none at all means that the parent is gone."""
    words = order.split()
    if words[:1] == [b"kill"]:
        java.kill()
        return java.wait()
    return end(java, float(words[1]) if words[:1] == [b"stop"] else ORPHAN_GRACE)


def watch(java: "subprocess.Popen[bytes]", parent: int) -> int:
    """Wait until Java ends, or has to."""
    while java.poll() is None:
        readable, _, _ = select.select([0], [], [], WATCH)
        if readable:
            return obey(java, os.read(0, 64))
        if os.getppid() != parent:
            return end(java, ORPHAN_GRACE)
    return java.returncode


def main() -> int:
    """Arguments: the parent's id, the file for Java's output, the lock's file descriptor, Java's command."""
    parent, console, lock, *command = sys.argv[1:]
    with open(console, "wb") as output:  # noqa: PTH123  # pathlib doubles this script's start
        java = subprocess.Popen(  # noqa: S603  # our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent,  # noqa: PLW1509  # one thread only
            pass_fds=(int(lock),),
        )
    started = time.monotonic()
    code = watch(java, int(parent))
    with open(console, "ab") as output:  # noqa: PTH123  # as above
        output.write(f"Java ended with {code} after {time.monotonic() - started:.1f} s\n".encode())
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())

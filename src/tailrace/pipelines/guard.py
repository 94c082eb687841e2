"""The process between a pipeline and a command with Kafka clients of its own: it ends when the pipeline does.

It is run as a script by a bare interpreter, so it imports nothing of ours. Signals are handed on, and its
exit code is the command's. When the pipeline is gone, by kill -9 too, the command has a time to end by
itself; then all that it has started is killed with it.
"""

import ctypes
import os
import signal
import subprocess
import sys
from types import FrameType

ORPHAN_GRACE = 5.0
"""Seconds to finish and commit when nobody is left to wait for it."""
WATCH = 0.25
"""Seconds between two looks at the parent."""
PR_SET_PDEATHSIG = 1
WRONG_USAGE = 2


# Also in broker/supervisor.py: run with -I and -S, that one finds no module of ours, also not beside it.
def die_with_guard() -> None:
    """In the command's process, before it is the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def watch(command: "subprocess.Popen[bytes]", parent: int) -> int:
    """Wait until the command ends, or has to."""
    while True:
        try:
            return command.wait(WATCH)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                end(command)


def end(command: "subprocess.Popen[bytes]") -> None:
    """Kindly at first; then the whole group, this process with it."""
    command.terminate()
    try:
        command.wait(ORPHAN_GRACE)
    finally:
        os.killpg(0, signal.SIGKILL)


def main() -> int:
    """Arguments: the parent's id, then the command."""
    parent, *words = sys.argv[1:]
    try:
        # The command is the user's own; this process has one thread.
        command = subprocess.Popen(words, preexec_fn=die_with_guard)  # noqa: S603, PLW1509  # as said above
    except OSError as error:
        sys.stderr.write(f"{words[0]}: {error.strerror}\n")
        return WRONG_USAGE

    def hand_on(number: int, frame: FrameType | None) -> None:
        del frame
        command.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, hand_on)
    code = watch(command, int(parent))
    if code < 0:
        # It is told which signal has ended the command, as if nobody stood between.
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main())

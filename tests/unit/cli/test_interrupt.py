import os
import signal

import pytest

from tailrace.cli.interrupt import Interrupt


@pytest.mark.parametrize(("number", "code", "endless"), [(signal.SIGINT, 130, 0), (signal.SIGTERM, 143, 143)])
def test_a_signal_is_remembered_and_makes_the_code(number, code, endless):
    """Ctrl-C is the proper end of what has no other; whoever was told to stop says so."""
    with Interrupt() as interrupt:
        assert (interrupt.seen, interrupt.exit_code()) == (False, 0)
        os.kill(os.getpid(), number)
        assert (interrupt.seen, interrupt.exit_code()) == (True, code)
        assert interrupt.exit_code(endless=True) == endless


def test_a_second_signal_ends_the_command_at_once():
    """With the code of that one; afterwards all is as it was."""
    before = signal.getsignal(signal.SIGTERM)
    with Interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(SystemExit, match="143"):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before

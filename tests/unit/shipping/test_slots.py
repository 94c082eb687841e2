"""Which process has which folder."""

from pathlib import Path

import pytest

from tailrace.core.errors import ConfigurationError
from tailrace.shipping.slots import hold, take_slots


def test_processes_have_a_folder_each_and_find_those_of_dead_ones(tmp_path):
    """The lowest free one is one's own."""
    first, none = take_slots(tmp_path)
    second, _ = take_slots(tmp_path)
    third, _ = take_slots(tmp_path)
    assert [slot.folder.name for slot in (first, second, third)] == ["0", "1", "2"]
    assert none == []
    for slot in (first, third):
        slot.release()
    again, left = take_slots(tmp_path)
    assert (again.folder.name, [slot.folder.name for slot in left]) == ("0", ["2"])
    for slot in (second, again, *left):
        slot.release()


def test_a_folder_is_held_by_one_process(tmp_path):
    """Until that one gives it back."""
    slot = hold(tmp_path, "It is taken.")
    with pytest.raises(ConfigurationError, match="It is taken"):
        hold(tmp_path, "It is taken.")
    slot.release()
    hold(tmp_path, "It is taken.").release()


def test_where_nothing_can_be_written_is_said():
    """With the folder and the reason."""
    with pytest.raises(ConfigurationError, match="/proc/nowhere") as caught:
        take_slots(Path("/proc/nowhere"))
    assert "`spool`" in caught.value.hint

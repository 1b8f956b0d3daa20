"""A folder of one's own."""

import os
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tapewatch.state_folder import StateFolderError, own_folder


def test_two_daemons_do_not_share_one(tmp_path: Path) -> None:
    with own_folder(tmp_path / "state", shared=False) as folder:
        assert folder == tmp_path / "state"
        with (
            pytest.raises(
                StateFolderError, match=rf"another tapewatch, process {os.getpid()}, runs with the folder"
            ),
            own_folder(tmp_path / "state", shared=False),
        ):
            pass
    with own_folder(tmp_path / "state", shared=False) as again:
        assert again == folder


def test_processes_that_stand_by_have_one_each_and_the_first_free_one_is_taken(tmp_path: Path) -> None:
    with own_folder(tmp_path, shared=True) as second_life:
        with own_folder(tmp_path, shared=True) as other:
            assert [second_life.name, other.name] == ["member-1", "member-2"]
        with own_folder(tmp_path, shared=True) as third:
            assert third.name == "member-2"
    assert (tmp_path / "member-1").stat().st_mode & 0o777 == 0o700


def test_no_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StateFolderError, match=r"no place for the state: .*file.*set state_dir"),
        own_folder(tmp_path / "file" / "state", shared=False),
    ):
        pass


def test_a_folder_that_everybody_may_write_to_is_warned_of(tmp_path: Path) -> None:
    for mode, warned in ((0o700, 0), (0o770, 0), (0o777, 1)):
        tmp_path.chmod(mode)
        with capture_logs() as logs, own_folder(tmp_path, shared=False):
            pass
        assert [entry["event"] for entry in logs] == ["state.exposed"] * warned


def test_what_is_made_is_for_its_user_alone(tmp_path: Path) -> None:
    with own_folder(tmp_path / "state", shared=False) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

"""Where compiled kernels are kept."""

import os
from pathlib import Path

from tapewatch.engine import compiled


def test_kernels_of_a_folder_that_cannot_be_written_are_used_from_a_copy(tmp_path: Path) -> None:
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels/step.nbi").write_bytes(b"compiled")
    own = compiled._copy(tmp_path / "kernels")
    assert (own / "step.nbi").read_bytes() == b"compiled"
    assert own.stat().st_mode & 0o777 == 0o700
    assert list(compiled._copy(tmp_path / "nothing").iterdir()) == []


def test_kernels_of_old_versions_go_the_longest_unused_first(tmp_path: Path) -> None:
    for age in range(6):
        folder = tmp_path / f"version{age}"
        folder.mkdir()
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))
    compiled._forget_old(tmp_path / "version5")
    assert {own.name for own in tmp_path.iterdir()} == {"version5", "version0", "version1", "version2"}

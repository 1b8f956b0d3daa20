"""Where compiled kernels are kept."""

import os
from pathlib import Path

import pytest

from tapewatch.engine import compiled


def test_kernels_of_a_folder_that_cannot_be_written_are_used_from_a_copy(tmp_path: Path) -> None:
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels/step.nbi").write_bytes(b"compiled")
    own = compiled._copy(tmp_path / "kernels")
    assert (own / "step.nbi").read_bytes() == b"compiled"
    assert own.stat().st_mode & 0o777 == 0o700
    assert list(compiled._copy(tmp_path / "nothing").iterdir()) == []
    assert list(compiled._copy(None).iterdir()) == []


def test_kernels_of_old_versions_go_the_longest_unused_first(tmp_path: Path) -> None:
    for age in range(6):
        folder = tmp_path / f"version{age}"
        folder.mkdir()
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))
    compiled._forget_old(tmp_path / "version5")
    assert {own.name for own in tmp_path.iterdir()} == {"version5", "version0", "version1", "version2"}


def test_who_compiles_gets_nothing_of_the_environment_that_may_be_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    (tmp_path / "looks_around.py").write_text(
        f"import os; open({str(seen)!r}, 'w').write(repr(dict(os.environ)))"
    )
    monkeypatch.setattr(compiled, "KERNELS", ("looks_around",))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TAPEWATCH_FEED_TAPE_KEY", "sesame")
    compiled._compile_in_children()
    assert "'PATH'" in seen.read_text()
    assert "NUMBA_CACHE_DIR" in seen.read_text()
    assert "sesame" not in seen.read_text()


def test_a_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        folder = compiled.usable(tmp_path / "tapewatch/kernels/version")
    finally:
        os.umask(before)
    assert folder == tmp_path / "tapewatch/kernels/version"
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]
    assert compiled.usable(folder) == folder


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with kernels, as an image has them: all may read, root and its user alone may write."""
    folder = tmp_path / "tapewatch/kernels/version"
    (folder / "engine").mkdir(parents=True)
    (folder / "engine/step.nbi").write_bytes(b"compiled")
    for path in (folder, *folder.parents[:2], folder / "engine"):
        path.chmod(0o755)
    return folder


def refused(kept: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said when `kept` is not used, once it is sure that nothing of it is."""
    own = compiled.usable(kept)
    assert own != kept
    assert list(own.iterdir()) == []
    assert own.stat().st_mode & 0o777 == 0o700
    return capsys.readouterr().err


def test_kernels_that_all_may_read_are_used(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compiled.usable(kept) == kept
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_kernels_that_others_may_write_are_refused(
    kept: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.chmod(mode)
    assert f"others may write to {kept} (mode {mode:04o})" in refused(kept, capsys)


@pytest.mark.parametrize("where", ["engine", "engine/step.nbi"])
def test_one_file_that_others_may_write_is_enough(
    kept: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept / where).chmod(0o666)
    assert f"others may write to {kept / where}" in refused(kept, capsys)
    kept.chmod(0o700)  # now nobody gets at it
    assert compiled.usable(kept) == kept


def test_a_folder_above_in_which_others_may_exchange_it_is_refused(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.parents[1].chmod(0o777)
    assert f"others may write to {kept.parents[1]}" in refused(kept, capsys)
    kept.parents[1].chmod(0o1777)  # as /tmp is: there nobody can
    assert compiled.usable(kept) == kept


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
@pytest.mark.parametrize("where", ["", "engine/step.nbi", ".."])
def test_kernels_of_another_user_are_refused(
    kept: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.chown(kept / where, 12345, 12345)
    assert f"{(kept / where).resolve()} belongs to another user (12345)" in refused(kept, capsys)


def test_a_link_among_the_kernels_is_refused(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (kept / "engine/more.nbi").symlink_to("/tmp/more.nbi")
    assert "is a link" in refused(kept, capsys)

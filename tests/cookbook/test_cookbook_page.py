"""The cookbook's page and its files cannot part, and each file is a config that works as it stands."""

import re

import pytest

import make_cookbook
from make_cookbook import COOKBOOK, PAGE, recipes
from tapewatch.check import check

FILES = sorted(COOKBOOK.glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_check_finds_nothing(path) -> None:
    config, problems = check(path)
    assert problems == []
    assert config is not None
    assert config.name == path.stem


def test_the_page_is_that_of_the_files() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == make_cookbook.page(text), "run python docs/make.py"


def test_every_watch_stands_on_the_page_once() -> None:
    marks = re.findall(r"^<!-- ([\w-]+) -->$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(marks) == sorted(["contents", *(own.name for own in recipes())])
    assert len(recipes()) >= 20


def test_a_file_changed_is_a_page_to_be_made(tmp_path, monkeypatch) -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(text.replace("price = 7000", "price = 7100"), encoding="utf-8")
    monkeypatch.setattr(make_cookbook, "COOKBOOK", tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    assert "price = 7100" in make_cookbook.page(text) != text


def test_a_head_that_lacks_a_part_is_named(tmp_path) -> None:
    file = tmp_path / "breakout.toml"
    file.write_text((COOKBOOK / "breakout.toml").read_text(encoding="utf-8").replace("# Not:", "#"))
    with pytest.raises(ValueError, match=r"breakout\.toml: its head is"):
        make_cookbook.read(file)

"""What no key of its kind can hold is named by `check`: impossible URLs, prices and characters."""

from pathlib import Path

import pytest

from tapewatch.check import check

WATCH = """\
name = "test"
[[watch]]
symbol = "SPX"
"""


def problems_of(folder: Path, text: str) -> list:
    file = folder / "watch.toml"
    file.write_text(text, encoding="utf-8")
    return check(file)[1]


MISTAKES = {
    "price beyond any number": (
        WATCH + "[[watch.zone]]\nlow = 1\nhigh = 1e400 #!",
        "[[watch.zone]] high",
        "must be a finite number",
    ),
    "price too high": (
        WATCH + "[[watch.level]]\nprice = 1.1e12 #!",
        "[[watch.level]] price",
        "no market's price",
    ),
    "price too low": (
        WATCH + "[[watch.level]]\nprice = 1e-13 #!",
        "[[watch.level]] price",
        "from 1e-12 to 1e+12",
    ),
    "Redis port": (
        WATCH + "[redis]\nurl = 'redis://127.0.0.1:notaport/0' #!",
        "[redis] url",
        "write redis://HOST:PORT/0",
    ),
    "feed's port": (
        WATCH + "[[feed]]\nname = 'a'\nvendor = 'massive'\nurl = 'wss://host:99999/' #!",
        "[[feed]] url",
        "port must be a number from 1 to 65535",
    ),
    "webhook's host": (
        WATCH
        + "[[receiver]]\nname = 'a'\nkind = 'webhook'\nurl = 'https:///hook' #!\n[[route]]\nreceivers = ['a']",
        "[[receiver]] url",
        "names no host",
    ),
    "mail server": (
        WATCH
        + "[[receiver]]\nname = 'a'\nkind = 'email'\nsender = 'a@b.c'\nto = ['a@b.c']\nhost = 'mail..com' #!\n"
        + "[[route]]\nreceivers = ['a']",
        "[[receiver]] host",
        "no name of a host",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_value_that_cannot_be_is_named_with_line_and_key(case: str, tmp_path: Path):
    text, key, right = MISTAKES[case]
    (problem,) = problems_of(tmp_path, text)
    line = next(n for n, line in enumerate(text.splitlines(), 1) if line.endswith("#!"))
    assert (problem.line, problem.key) == (line, key)
    assert right in problem.message


CONTROL = {
    "escape": "\\u001b",
    "line feed": "\\n",
    "C1": "\\u009b",
    "override": "\\u202e",
    "isolate": "\\u2066",
}


@pytest.mark.parametrize("character", CONTROL)
@pytest.mark.parametrize(
    "key", ["title", "symbol", "level.name", "level.note", "zone.next", "condition.name"]
)
def test_what_people_read_holds_no_control_character(key: str, character: str, tmp_path: Path):
    values = {"symbol": "SPX", "title": "a", "level.name": "b", "level.note": "c", "zone.next": "d"}
    values |= {"condition.name": "e"} | {key: f"x{CONTROL[character]}y"}
    text = f"""\
name = "test"
[[watch]]
symbol = "{values["symbol"]}"
title = "{values["title"]}"
[[watch.level]]
price = 7000
name = "{values["level.name"]}"
note = "{values["level.note"]}"
[[watch.zone]]
low = 1
high = 2
next = "{values["zone.next"]}"
[[watch.condition]]
when = "rsi(14)@1d crosses 70"
name = "{values["condition.name"]}"
"""
    (problem,) = problems_of(tmp_path, text)
    table, _, name = ("watch." + key).rpartition(".")
    assert (problem.line, problem.key) == (
        next(n for n, line in enumerate(text.splitlines(), 1) if "\\" in line),
        f"[[{table}]] {name}",
    )
    assert not set("\x1b\x9b\u202e\u2066") & set(str(problem))


def test_a_message_that_quotes_the_file_does_not_reach_the_terminal_raw(tmp_path: Path):
    text = WATCH + 'calendar = \'\\x1b\'\n"\\u001b[2J" = 1\n[[watch.level]]\nprice = 1\nrole = "\\u009b2J"'
    shown = "".join(map(str, problems_of(tmp_path, text)))
    assert "\ufffd[2J" in shown
    assert not {"\x1b", "\x9b"} & set(shown)


def test_emoji_and_the_scripts_of_the_world_are_text(tmp_path: Path):
    text = WATCH + 'title = "S&P 500 👩‍💻 שלום Zürich"'
    assert problems_of(tmp_path, text) == []

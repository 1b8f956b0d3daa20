"""Names as plain text that fits."""

import pytest

from tapewatch.charts.letters import fitted, plain, width, wrapped


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("S&P 500", "S&P 500"),
        ("$x_1$ <b> \\alpha", "$x_1$ <b> \\alpha"),
        ("two\nlines\tand\x1b[31m", "two lines and [31m"),
        ("a\u202eb\u2067c\u200fd\ufeff", "abcd"),
        ("Zürich → Ελλάδα Россия שלום سلام", "Zürich → Ελλάδα Россия שלום سلام"),
        ("Cafe\u0301", "Café"),
        ("指数", "□□"),
        ("☀\ufe0f", "☀"),
        ("\ue000\U0010fffd", "□□"),
        ("a" + "\u0315" * 50, "a\u0315\u0315"),
        (" \u3000 ", ""),
        ("", ""),
    ],
)
def test_a_name_is_one_line_of_what_the_font_has(name: str, shown: str) -> None:
    assert plain(name) == shown


def test_what_is_too_long_ends_in_an_ellipsis() -> None:
    name = "The Standard and Poor's five hundred " * 30
    cut = fitted(name, 300, 28)
    assert cut.endswith("…")
    assert width(cut, 28) <= 300 < width(cut + "wide", 28)
    assert fitted("short", 300, 28) == "short"
    assert fitted("short", 3, 28) == ""


def test_a_sentence_is_broken_at_spaces_into_so_many_lines() -> None:
    lines = wrapped("price made a higher high, RSI a lower one", 250, 3, 28)
    assert " ".join(lines) == "price made a higher high, RSI a lower one"
    assert all(width(line, 28) <= 250 for line in lines)
    assert len(wrapped("word " * 100, 250, 2, 28)) == 2
    assert wrapped("x" * 100, 250, 2, 28)[0].endswith("…")


def test_bold_is_wider() -> None:
    assert width("7,000.25", 30, bold=True) > width("7,000.25", 30)

"""Text of a picture: whatever a name holds is shown as plain text, in the font that ships with matplotlib."""

import unicodedata
from bisect import bisect_left
from collections.abc import Callable
from functools import cache, lru_cache, partial
from itertools import groupby
from pathlib import Path

import matplotlib
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font

LONGEST = 300
"""Characters of a text that are looked at; more fit nowhere."""

_FONTS = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}
_UNKNOWN = "\N{WHITE SQUARE}"
"""Stands for a character that the font does not have."""
_MOST_MARKS = 2
"""Combining marks on one letter: more would climb over what stands above."""
_ELLIPSIS = "…"


@lru_cache(1000)
def plain(text: str) -> str:
    """The text in one line of characters that can be drawn.

    Line breaks and control characters become spaces. What cannot be seen is left out, with it the marks that turn the
    direction of what follows. A square stands for what the font does not have.
    """
    shown = "".join(_shown(letter) for letter in unicodedata.normalize("NFC", text[:LONGEST]))
    runs = ["".join(run)[: _MOST_MARKS if marks else None] for marks, run in groupby(shown, key=_is_mark)]
    return " ".join("".join(runs).split())


def _shown(letter: str) -> str:
    category = unicodedata.category(letter)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    if category == "Cf" or "\N{VARIATION SELECTOR-1}" <= letter <= "\N{VARIATION SELECTOR-16}":
        return ""
    known = all(_face(bold).get_char_index(ord(letter)) for bold in _FONTS)
    return letter if known or category == "Zs" else _UNKNOWN


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter) in ("Mn", "Me")


def font(size: float, *, bold: bool = False) -> FontProperties:
    """The font, `size` px high at 72 dots per inch."""
    return FontProperties(fname=_path(bold), size=size)


@lru_cache(5000)
def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide `plain` text is, px."""
    face = _face(bold)
    face.set_size(size, 72)
    face.set_text(text)
    return face.get_width_height()[0] / 64


def fitted(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Text that is at most `room` px wide; what is left out at its end an ellipsis stands for."""
    text = plain(text)
    if width(text, size, bold=bold) <= room:
        return text
    count = _most(len(text), lambda count: width(text[:count].rstrip() + _ELLIPSIS, size, bold=bold) <= room)
    return text[:count].rstrip() + _ELLIPSIS if count else ""


def wrapped(text: str, room: float, lines: int, size: float, *, bold: bool = False) -> list[str]:
    """Text in at most so many lines, each at most `room` px wide."""
    words = plain(text).split(" ")
    found: list[str] = []
    while words and len(found) < lines - 1:
        fits = partial(_fits, words, room, size, bold)
        count = max(_most(len(words), fits), 1)
        found.append(fitted(" ".join(words[:count]), room, size, bold=bold))
        words = words[count:]
    return [*found, fitted(" ".join(words), room, size, bold=bold)] if words else found


def _fits(words: list[str], room: float, size: float, bold: bool, count: int) -> bool:
    return width(" ".join(words[:count]), size, bold=bold) <= room


def _most(end: int, fits: Callable[[int], bool]) -> int:
    """The highest number up to `end` that fits; 0 if none does."""
    return bisect_left(range(1, end + 1), True, key=lambda count: not fits(count))


@cache
def _face(bold: bool) -> FT2Font:
    return FT2Font(_path(bold))


@cache
def _path(bold: bool) -> str:
    return str(Path(matplotlib.get_data_path(), "fonts", "ttf", _FONTS[bold]))

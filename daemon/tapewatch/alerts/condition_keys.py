"""What people write into the text of a condition although it has a key of its own: how long, how often, until when."""

import re
from collections.abc import Callable

_Line = Callable[[re.Match[str]], str]

_CLOCK = r"(\d{1,2}:\d\d)"

_SAID: tuple[tuple[re.Pattern[str], _Line], ...] = (
    (re.compile(r"\bfor\s+(\d+)\s*([smh])[a-z]*"), lambda said: f'for = "{said[1]}{said[2]}"'),
    (re.compile(r"\bfor\b"), lambda said: 'for = "5m"'),
    (re.compile(r"\b(once per bar|once per session|once|always)\b"), lambda said: f'frequency = "{said[1]}"'),
    (re.compile(r"\b(?:on|at)\s+(?:the\s+)?(tick|close)\b"), lambda said: f'on = "{said[1]}"'),
    (re.compile(r"\b(?:on|at)\s+(?:the\s+)?(\d+[mhd])\s+close\b"), lambda said: f'on = "{said[1]}"'),
    (
        re.compile(rf"\b(?:between|from)\s+{_CLOCK}\s*(?:and|to|-)\s*{_CLOCK}"),
        lambda said: f'hours = "{said[1]:0>5}-{said[2]:0>5}"',
    ),
    (re.compile(r"\bexpires(?:\s+on)?\s+(\d{4}-\d\d-\d\d)\b"), lambda said: f"expires = {said[1]}"),
    (re.compile(r"\bexpires\b"), lambda said: "expires = 2026-03-31"),
)
"""None of these is a word of the language. The line is what belongs into the config in its place."""


def said_in_text(lower: str, upto: int) -> tuple[int, int, str] | None:
    """The first of them that begins by `upto`: where it stands, how long it is, and the line to write; None: none does.

    Args:
        lower: the text in lower case.
        upto: index in it.
    """
    found = [(said, line) for form, line in _SAID if (said := form.search(lower)) and said.start() <= upto]
    if not found:
        return None
    said, line = min(found, key=lambda each: each[0].start())
    return said.start(), said.end() - said.start(), line(said)

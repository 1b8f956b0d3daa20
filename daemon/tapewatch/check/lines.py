"""On which line of a TOML text each key, table and array element stands; tomllib does not tell.

The text is one that tomllib has taken, so only what is legal needs to be read here.
Source: TOML 1.0, https://toml.io/en/v1.0.0
"""

import re
import tomllib
from bisect import bisect_right

Spot = tuple[str | int, ...]
"""The way to a value: `("watch", 0, "level", 1, "price")`."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK_OR_COMMA = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_SPACE = re.compile(r"[ \t]*")
_SCALAR = re.compile(
    r'''"""(?:[^\\]|\\.)*?"""(?:"{0,2})'''
    r"""|'''.*?'''(?:'{0,2})"""
    r'''|"(?:[^"\\\n]|\\.)*"'''
    r"""|'[^'\n]*'"""
    r"""|\d{4}-\d\d-\d\d[ ]\d\d:[^\s,\]}#]+"""  # a date and time may hold a space
    r"""|[^\s,\]}#]+""",
    re.DOTALL,
)


class Lines:
    """The lines of one TOML text, counted from 1."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(i + 1 for i, c in enumerate(text) if c == "\n")]
        self._at = 0
        self._of: dict[Spot, int] = {(): 1}
        self._tables: dict[Spot, int] = {}  # how many [[tables]] of a name there were so far
        self._read_document()

    def of(self, spot: Spot) -> int:
        """Line of `spot`, or of the innermost table around it that the text has."""
        while spot not in self._of:
            spot = spot[:-1]
        return self._of[spot]

    def __contains__(self, spot: Spot) -> bool:
        return spot in self._of

    def _line(self) -> int:
        return bisect_right(self._starts, self._at)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise AssertionError(f"line {self._line()} is not TOML")
        self._at = match.end()
        return match[0]

    def _next_is(self, mark: str) -> bool:
        return self._text.startswith(mark, self._at)

    def _read_document(self) -> None:
        table: Spot = ()
        while self._skip(_BLANK) is not None and self._at < len(self._text):
            if self._next_is("["):
                table = self._read_header()
            else:
                self._read_pair(table)

    def _read_header(self) -> Spot:
        brackets = 2 if self._next_is("[[") else 1
        line = self._line()
        self._at += brackets
        self._skip(_SPACE)
        *parents, last = self._read_key()
        self._skip(_SPACE)
        self._at += brackets
        spot: Spot = ()
        for name in parents:
            spot = self._enter((*spot, name), line)
        spot = (*spot, last)
        if brackets == 2:
            self._of.setdefault(spot, line)
            index = self._tables.get(spot, 0)
            self._tables[spot] = index + 1
            spot = (*spot, index)
        self._of[spot] = line
        return spot

    def _enter(self, spot: Spot, line: int) -> Spot:
        """The table that a name in a header means: of several, the last one."""
        self._of.setdefault(spot, line)
        return (*spot, self._tables[spot] - 1) if spot in self._tables else spot

    def _read_key(self) -> list[str]:
        parts = [self._key_part()]
        while _DOT.match(self._text, self._at):
            self._skip(_DOT)
            parts.append(self._key_part())
        return parts

    def _key_part(self) -> str:
        part = self._skip(_KEY)
        if part[0] in "\"'":
            part = next(iter(tomllib.loads(f"{part} = 0")))
        return part

    def _read_pair(self, table: Spot) -> None:
        line = self._line()
        spot = table
        for name in self._read_key():
            spot = (*spot, name)
            self._of.setdefault(spot, line)
        self._skip(_EQUALS)
        self._read_value(spot)

    def _read_value(self, spot: Spot) -> None:
        if self._next_is("["):
            self._read_array(spot)
        elif self._next_is("{"):
            self._read_inline_table(spot)
        else:
            self._skip(_SCALAR)

    def _read_array(self, spot: Spot) -> None:
        self._at += 1
        index = 0
        while self._skip(_BLANK_OR_COMMA) is not None and not self._next_is("]"):
            self._of[*spot, index] = self._line()
            self._read_value((*spot, index))
            index += 1
        self._at += 1

    def _read_inline_table(self, spot: Spot) -> None:
        self._at += 1
        while self._skip(_BLANK_OR_COMMA) is not None and not self._next_is("}"):
            self._read_pair(spot)
        self._at += 1

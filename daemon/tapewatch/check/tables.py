"""The tables of a config as they were written, right or wrong: what is of the wrong type reads as absent.

So every check sees all there is to see, however many other mistakes the file has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from tapewatch.check.lines import Spot


@dataclass(frozen=True)
class Finding:
    """A mistake and where it is, before it is put into lines and words."""

    spot: Spot
    message: str
    severity: Literal["error", "warning"] = "error"
    first: Spot | None = None
    """Of what stands there twice, where it stands first."""


@dataclass(frozen=True, eq=False)
class Written:
    """One table of the config, as written."""

    data: dict[str, Any]
    spot: Spot = ()

    def text(self, key: str) -> str | None:
        """The text at `key`, without white space around it."""
        value = self.data.get(key)
        return value.strip() if isinstance(value, str) else None

    def number(self, key: str) -> float | None:
        """The finite number at `key`."""
        value = self.data.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if isfinite(number) else None

    def texts(self, key: str) -> Iterator[tuple[str, Spot]]:
        """Each text of the array at `key`, and where it stands."""
        values = self.data.get(key)
        for i, value in enumerate(values if isinstance(values, list) else ()):
            if isinstance(value, str):
                yield value.strip(), (*self.spot, key, i)

    def table(self, key: str) -> "Written":
        """The table at `key`; an empty one when there is none."""
        value = self.data.get(key)
        return Written(value if isinstance(value, dict) else {}, (*self.spot, key))

    def numbers(self, *keys: str) -> tuple[float, ...] | None:
        """The numbers at `keys`; None unless all are there."""
        found = tuple(number for key in keys if (number := self.number(key)) is not None)
        return found if len(found) == len(keys) else None

    def tables(self, key: str) -> list["Written"]:
        """The tables `[[key]]`."""
        values = self.data.get(key)
        return [
            Written(value, (*self.spot, key, i))
            for i, value in enumerate(values if isinstance(values, list) else ())
            if isinstance(value, dict)
        ]

    def error(self, key: str, message: str, first: Spot | None = None) -> Finding:
        """A mistake at `key`."""
        return Finding((*self.spot, key), message, first=first)

    def warning(self, key: str, message: str) -> Finding:
        """Something at `key` that is most likely not meant."""
        return Finding((*self.spot, key), message, "warning")


def value_at(data: Any, spot: Spot) -> Any:
    """What stands at `spot`; None if nothing does."""
    for part in spot:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def key_text(data: dict[str, Any], spot: Spot) -> str:
    """`spot` as the file spells it: `[[watch.level]] price`, `[redis] url`, `name`.

    Args:
        data: the whole config as tomllib read it; it tells arrays of tables from arrays of values.
        spot: the way to the key.
    """
    end, brackets = 0, "[{}]"
    for i in range(1, len(spot) + 1):
        if isinstance(value_at(data, spot[:i]), dict):
            if isinstance(spot[i - 1], int):
                end, brackets = i, "[[{}]]"
            elif i == 1 and len(spot) > 1:
                end = i
    table = ".".join(part for part in spot[:end] if isinstance(part, str))
    key = ".".join(part for part in spot[end:] if isinstance(part, str))
    return " ".join(filter(None, (brackets.format(table) if table else "", key)))

"""What is wrong with a config, said to the one who must mend it: file, line, key, and what would be right."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from itertools import takewhile
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Problem:
    """One mistake. An `error` keeps the config from being used, a `warning` does not."""

    file: Path
    line: int | None
    """Counted from 1; None where no line is to blame."""
    key: str
    """As the file spells it, such as `[[watch.level]] price`; empty where no key is to blame."""
    message: str
    """What is wrong and what would be right; further lines show the spot."""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        what = self.message.replace("\n", "\n  ")
        return ": ".join(filter(None, (where, self.severity, self.key, what)))


class ConfigError(ValueError):
    """A config that cannot be used; `problems` holds everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


def nearest(word: str, right: Iterable[str]) -> str | None:
    """The word of `right` that `word` was most likely meant to be, whatever its case."""
    by_lower = {candidate.lower(): candidate for candidate in right}
    found = get_close_matches(word.lower(), by_lower, 5)
    if not found:
        return None
    return by_lower[max(found, key=lambda near: _likeness(word.lower(), near))]


def _likeness(word: str, other: str) -> tuple[float, int]:
    """Of two words equally near, people rather mean the one that begins the same."""
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False)))
    return SequenceMatcher(None, other, word).ratio(), shared


def did_you_mean(word: str, right: Iterable[str], otherwise: str) -> str:
    """`did you mean "desk"?`, or `otherwise` when nothing is near."""
    near = nearest(word, right)
    return f'did you mean "{near}"?' if near else otherwise

"""Takes secrets out of what a vendor sends back to us, before anybody reads it."""

import re
from collections.abc import Iterable
from urllib.parse import quote

_BLANK = b"***"


class Blank:
    """Finds secrets as they are, and with any of their characters escaped as in JSON or in a URL.

    Args:
        secrets: empty ones are none.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        own = sorted(filter(None, secrets), key=len, reverse=True)  # should one be part of another
        self._pattern = re.compile("|".join(map(_spelled, own)).encode(), re.IGNORECASE) if own else None
        self.reach = len(r"\ud83d\ude00") * max(map(len, own), default=0)
        """Bytes that the longest of them takes at most."""

    def __call__(self, text: bytes) -> bytes:
        """`text` without them."""
        return self._pattern.sub(_BLANK, text) if self._pattern else text

    def text(self, text: str) -> str:
        """The same of text."""
        return self(text.encode("utf-8", "replace")).decode("utf-8", "replace")


def _spelled(secret: str) -> str:
    """A pattern; half a character, as an environment that is no UTF-8 may have it, is left to itself."""
    whole = secret.encode("utf-8", "replace").decode()
    return "".join(f"(?:{'|'.join(map(re.escape, _spellings(each)))})" for each in whole)


def _spellings(character: str) -> list[str]:
    units = character.encode("utf-16-be")
    in_json = "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
    return list(dict.fromkeys((character, f"\\{character}", in_json, quote(character, safe=""))))

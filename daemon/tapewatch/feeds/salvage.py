"""What can be saved of a frame that the fast reader refused as a whole: its good parts, one by one.

The standard library's reader is slower and more lenient: it takes NaN, which admission refuses by name, and broken
text within a string, so that such a part does not lose those beside it.
"""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from tapewatch.feeds.protocol import FaultKind, Faults

_T = TypeVar("_T")


def read_object(frame: bytes, faults: Faults) -> dict[str, Any] | None:
    """The JSON object that `frame` is; None if it is none, which is counted."""
    try:
        raw = json.loads(bytes(frame).decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        faults.add(FaultKind.NOT_JSON, frame)
        return None
    if not isinstance(raw, dict):
        faults.add(FaultKind.NOT_OF_PROTOCOL, frame)
        return None
    return raw


def the_good(raw: Iterable[Any], kind: type[_T], faults: Faults, *, strict: bool = True) -> list[_T]:
    """Those of `raw` that are of `kind`; the others are counted. Without `strict`, numbers may stand in quotes."""
    good = []
    for each in raw:
        try:
            good.append(msgspec.convert(each, kind, strict=strict))
        except (msgspec.ValidationError, UnicodeEncodeError):  # the latter for half a surrogate pair
            faults.add(FaultKind.WRONG_TYPE, json.dumps(each).encode())
    return good


def sample(good: msgspec.Struct) -> bytes:
    """What to show of a part that was read but means nothing."""
    return repr(good).encode(errors="backslashreplace")

"""What can be saved of a frame that the fast reader refused as a whole: its good parts, one by one.

The standard library's reader is slower and more lenient: it takes NaN, which admission refuses by name, and broken
text within a string, so that such a part does not lose those beside it.
"""

import json
from collections.abc import Iterable
from typing import Any, TypeVar, get_args

import msgspec

from tapewatch.feeds.protocol import FaultKind, Faults

MOST_BAD = 10_000
"""Bad parts of a frame, a quarter of a second's work; of one that has more the rest is passed over."""

_T = TypeVar("_T")


def read(frame: bytes, *, digits: bool = False) -> Any:
    """The JSON that `frame` is. With `digits`, fractions stay text.

    Raises:
        ValueError: it is none.
    """
    number = str if digits else None
    try:
        text = bytes(frame).decode("utf-8", "replace")
        return json.loads(text, strict=False, parse_float=number, parse_constant=number)
    except RecursionError:
        raise ValueError("nested too deep") from None


def read_object(frame: bytes, faults: Faults) -> dict[str, Any] | None:
    """The JSON object that `frame` is; None if it is none, which is counted."""
    return _of_type(dict, frame, faults)


def read_messages(frame: bytes, faults: Faults, kind: Any) -> list[Any]:
    """The good messages of a frame that is an array of such; `kind` is the union of what they may be."""
    return the_good(_of_type(list, frame, faults) or [], kind, faults)


def the_good(raw: Iterable[Any], kind: Any, faults: Faults, *, strict: bool = True) -> list[Any]:
    """Those of `raw` that are of `kind`; the others are counted. Without `strict`, numbers may stand in quotes."""
    good = []
    bad = 0
    for each in raw:
        try:
            good.append(msgspec.convert(each, kind, strict=strict))
        except (msgspec.ValidationError, UnicodeEncodeError):  # the latter for half a surrogate pair
            fault = FaultKind.WRONG_TYPE if _claims_to_be(kind, each) else FaultKind.NOT_OF_PROTOCOL
            faults.add(fault, json.dumps(each).encode())
            bad += 1
            if bad == MOST_BAD:
                break
    return good


def sample(good: msgspec.Struct) -> bytes:
    """What to show of a part that was read but means nothing."""
    return repr(good).encode(errors="backslashreplace")


def _of_type(kind: type[_T], frame: bytes, faults: Faults) -> _T | None:
    try:
        raw = read(frame)
    except ValueError:
        faults.add(FaultKind.NOT_JSON, frame)
        return None
    if isinstance(raw, kind):
        return raw
    faults.add(FaultKind.NOT_OF_PROTOCOL, frame)
    return None


def _claims_to_be(kind: Any, raw: Any) -> bool:
    """Whether `raw` has the tag of a message of `kind`; what has no tags is told by its place."""
    tags = [(own.__struct_config__.tag_field, own.__struct_config__.tag) for own in get_args(kind) or (kind,)]
    return any(field is None or (isinstance(raw, dict) and raw.get(field) == tag) for field, tag in tags)

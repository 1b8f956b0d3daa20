"""Whether a run kept the promises: what was expected against what was seen. No I/O."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

HOOK, MAIL = "hook", "mail"
"""The receivers."""

_SHOWN = 3
"""How many of the alerts that are wrong are named."""


@dataclass(frozen=True)
class Seen:
    """What was found at the end of a run."""

    stream: Sequence[bytes]
    """JSON of the alerts in Redis, in their order."""
    taken: Mapping[str, Sequence[Sequence[str]]]
    """By receiver, the messages that it took, in their order: ids of the alerts in each."""
    bodies: Sequence[bytes]
    """What the webhook was sent."""
    published: Sequence[bytes] | None
    """What a subscriber heard; None where Redis itself was away, so that it could not."""


@dataclass(frozen=True)
class Allowed:
    """What the page grants a fault."""

    doubles: int = 0
    """How many messages a receiver may get that have alerts that it had."""


class Wrong(NamedTuple):
    """A broken promise."""

    where: str
    """`stream`, `subscriber`, a receiver, or `run`, which then shows nothing."""
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


NOTHING = Allowed()


@dataclass
class Verdict:
    """What came of it."""

    wrong: list[Wrong] = field(default_factory=list)
    """Empty: every promise was kept."""
    doubles: dict[str, int] = field(default_factory=dict)
    """By receiver, how many messages had alerts that it had."""
    differences: Counter[str] = field(default_factory=Counter)
    """By field of `data`, how many alerts of the stream are not as in the replay."""


def judge(expected: Sequence[bytes], seen: Seen, allowed: Allowed) -> Verdict:
    """The verdict on a run of which `expected` is what `tapewatch replay` says to its tape."""
    verdict = Verdict()
    ids = [_id(line) for line in expected]
    _once(verdict, "stream", ids, [_id(line) for line in seen.stream])
    _in_order(verdict, expected, seen.stream)
    _bodies(verdict, expected, seen.stream)
    if seen.published is not None:
        _once(verdict, "subscriber", ids, [_id(line) for line in seen.published])
        _in_order(verdict, expected, seen.published, "subscriber")
    for receiver, taken in seen.taken.items():
        _at_least_once(verdict, receiver, ids, [each for message in taken for each in message])
        _doubles(verdict, receiver, taken, allowed)
    if strangers := set(seen.bodies) - set(seen.stream):
        verdict.wrong.append(Wrong(HOOK, f"{len(strangers)} bodies are not as in the stream"))
    return verdict


def _once(verdict: Verdict, where: str, ids: Sequence[str], found: Sequence[str]) -> None:
    _at_least_once(verdict, where, ids, found)
    if again := [each for each, count in Counter(found).items() if count > 1]:
        verdict.wrong.append(Wrong(where, f"{_some(again)} more than once"))


def _at_least_once(verdict: Verdict, where: str, ids: Sequence[str], found: Sequence[str]) -> None:
    there = set(found)
    if missing := [each for each in ids if each not in there]:
        verdict.wrong.append(Wrong(where, f"{_some(missing)} missing"))
    if strange := sorted(there - set(ids)):
        verdict.wrong.append(Wrong(where, f"{_some(strange)} not expected"))


def _in_order(
    verdict: Verdict, expected: Sequence[bytes], found: Sequence[bytes], where: str = "stream"
) -> None:
    """The order between symbols is not promised."""
    wanted, got = _by_symbol(expected), _by_symbol(found)
    for symbol in wanted:
        own = got.get(symbol, [])
        if sorted(wanted[symbol]) == sorted(own) and wanted[symbol] != own:
            first = next(a for a, b in zip(own, wanted[symbol], strict=True) if a != b)
            verdict.wrong.append(Wrong(where, f"{symbol} out of order from {first}"))


def _by_symbol(lines: Sequence[bytes]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        alert = json.loads(line)
        found.setdefault(alert["subject"], []).append(alert["id"])
    return found


def _bodies(verdict: Verdict, expected: Sequence[bytes], stream: Sequence[bytes]) -> None:
    wanted = {_id(line): line for line in expected}
    for line in stream:
        own = wanted.get(_id(line))
        if own is not None and own != line:
            fields = _differing(json.loads(own), json.loads(line))
            verdict.differences.update(fields)
            told = ", ".join(fields) or "its bytes"
            verdict.wrong.append(Wrong("stream", f"{_id(line)} differs in {told}"))


def _differing(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Names of the fields that are not the same; those of `data` by their own name."""
    flat = [{**line, **line["data"], "data": None} for line in (wanted, found)]
    return sorted(name for name in {*flat[0], *flat[1]} if flat[0].get(name) != flat[1].get(name))


def _doubles(verdict: Verdict, receiver: str, taken: Sequence[Sequence[str]], allowed: Allowed) -> None:
    had: set[str] = set()
    again = []
    for message in taken:
        again += [message[0]] if had.intersection(message) or len(set(message)) < len(message) else []
        had.update(message)
    verdict.doubles[receiver] = len(again)
    if len(again) > allowed.doubles:
        verdict.wrong.append(Wrong(receiver, f"{_some(again)} doubled, {allowed.doubles} allowed"))


def _some(ids: Sequence[str]) -> str:
    return f"{len(ids)} ({', '.join(ids[:_SHOWN])}{', …' if len(ids) > _SHOWN else ''})"


def _id(line: bytes) -> str:
    return str(json.loads(line)["id"])

"""Whether a silence that somebody wants makes sense, and how programs see one."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from tapewatch.alerts.alert import TYPE_PREFIX
from tapewatch.alerts.build import iso_ns
from tapewatch.alerts.feed_alert import RULE as FEED_RULE
from tapewatch.alerts.schema import ALERT_TYPES
from tapewatch.config import Condition, Config, Level, Watch, Zone
from tapewatch.notify.silences import Silence
from tapewatch.problems import did_you_mean

_SEVERITIES = ("info", "warning", "critical")


class MatchesNothingError(ValueError):
    """No alert of the config could ever fit; the message says what is not known, and what was likely meant."""


def check(config: Config, silence: Silence) -> None:
    """Whether there can be alerts that it silences.

    Raises:
        MatchesNothingError: there are none.
    """
    places = list(_places(config))
    subjects = [*(own.symbol for own in config.watch), *(own.name for own in config.feed)]
    _known("symbol", silence.symbol, subjects)
    _known("rule", silence.rule, list(dict.fromkeys(rule for _, rule in places)))
    _known("type", silence.type, [own.removeprefix(TYPE_PREFIX) for own in ALERT_TYPES], ALERT_TYPES)
    _known("severity", silence.severity, _SEVERITIES)
    if not any(fits(silence.symbol, symbol) and fits(silence.rule, rule) for symbol, rule in places):
        rules = [rule for symbol, rule in places if fits(silence.symbol, symbol)]
        there_is = f"there is {', '.join(rules)}" if rules else "it has none at all"
        called = f' called "{silence.rule}"' if silence.rule is not None else ""
        raise MatchesNothingError(f'no rule{called} belongs to "{silence.symbol or "*"}": {there_is}')


def as_json(silence: Silence, now: int) -> dict[str, Any]:
    """One for programs: its fields, its times in ISO 8601 UTC, and whether it holds `now` (ns)."""
    times = {"since": iso_ns(silence.since_ns), "until": iso_ns(silence.until_ns)}
    return {**msgspec.structs.asdict(silence), **times, "state": state(silence, now)}


def state(silence: Silence, now: int) -> str:
    """`to come`, `holds` or `over` at `now` (ns)."""
    return "to come" if now < silence.since_ns else "holds" if now < silence.until_ns else "over"


def _places(config: Config) -> Iterator[tuple[str, str]]:
    """Subject and rule of every alert that there can be."""
    for watch in config.watch:
        for rule in _rules(watch):
            yield watch.symbol, rule
    for feed in config.feed:
        yield feed.name, FEED_RULE


def _rules(watch: Watch) -> list[str]:
    rules: list[Level | Zone | Condition] = [*watch.level, *watch.zone, *watch.condition]
    return [own.name for own in rules]


def _known(kind: str, pattern: str | None, names: Sequence[str], others: Sequence[str] = ()) -> None:
    if pattern is not None and not any(fnmatchcase(name, pattern) for name in (*names, *others)):
        right = did_you_mean(pattern, names, f"there is {', '.join(names)}")
        raise MatchesNothingError(f'no {kind} is called "{pattern}": {right}')


def fits(pattern: str | None, name: str) -> bool:
    """Whether a name is meant; None means all."""
    return pattern is None or fnmatchcase(name, pattern)

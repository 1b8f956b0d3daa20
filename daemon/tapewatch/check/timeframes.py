"""The timeframes of a watch, its rules' included: each written in one way, and not too many."""

from collections.abc import Iterator

from tapewatch.alerts.conditions import ConditionError, parse
from tapewatch.check.tables import Finding, Written
from tapewatch.config import Watch
from tapewatch.engine.parts import timeframe_of
from tapewatch.market.timeframes import DAY, duration_ns

MOST = 32
"""So many timeframes has a watch at most, the day's among them."""


def check_timeframes(watch: Written) -> Iterator[Finding]:
    """Timeframes of rules that the watch has under another name, and too many of them."""
    spellings: dict[int, str] = {}
    for text in _own(watch):
        if (length := _length(text)) is not None:
            spellings.setdefault(length, text)
    for rule, key, text in _of_rules(watch):
        if (length := _length(text)) is None:
            continue
        if (known := spellings.setdefault(length, text)) != text:
            yield rule.error(key, f'{text} is {known}, which this watch has already: write "{known}"')
    count = len({duration_ns(DAY), *spellings})
    if count > MOST:
        yield watch.error(
            "timeframes", f"the watch and its rules name {count} timeframes, with {DAY}: {MOST} are the most"
        )


def _own(watch: Written) -> list[str]:
    if "timeframes" in watch.data:
        return [text for text, _ in watch.texts("timeframes")]
    default: list[str] = Watch.model_fields["timeframes"].default
    return default


def _of_rules(watch: Written) -> Iterator[tuple[Written, str, str]]:
    """Each timeframe that a rule names, with the rule and the key under which it does."""
    for rule in (*watch.tables("level"), *watch.tables("zone")):
        if confirm := rule.text("confirm"):
            yield rule, "confirm", confirm
    for condition in watch.tables("condition"):
        for text in _of_condition(condition.text("when")):
            yield condition, "when", text
        if on := condition.text("on"):
            yield condition, "on", on


def _of_condition(when: str | None) -> list[str]:
    try:
        operands = parse(when).operands if when is not None else ()
    except ConditionError:
        return []  # found there
    return list(dict.fromkeys(filter(None, map(timeframe_of, operands))))


def _length(text: str) -> int | None:
    """None of what is no timeframe: a mistake of form, which is found there, or another word that `on` takes."""
    try:
        return duration_ns(text)
    except ValueError:
        return None

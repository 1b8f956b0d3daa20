"""A rule of a watch as a backtest needs it: in words, in which timeframe it is measured, whether a band guards it."""

from typing import NamedTuple

from tapewatch.alerts.numbers import place
from tapewatch.backtest.figures import Why
from tapewatch.backtest.outcomes import LONGEST
from tapewatch.config import Condition, Level, Watch, Zone
from tapewatch.engine import watch as spec
from tapewatch.engine.indicators import REMEMBERS, Value
from tapewatch.engine.parts import Crosses, Enters, Leaves, Price, operands


class Measure(NamedTuple):
    """The bars by which one looks on from a rule's alerts."""

    timeframe: str | None
    """None: the files gave no bars at all."""
    why: Why


def rules_of(watch: Watch) -> list[Level | Zone | Condition]:
    """The rules of a watch in the engine's order."""
    return [*watch.level, *watch.zone, *watch.condition]


def in_words(rule: Level | Zone | Condition) -> str:
    """What it watches for: `7,000, confirmed at the close of 1h`, or the condition as it was written."""
    match rule:
        case Level():
            own = [place(rule.price, rule.price)]
        case Zone():
            own = [place(rule.low, rule.high)]
        case Condition():
            own = [rule.when]
            own += [f"for {rule.lasting}"] if rule.lasting else []
            own += [f"on {rule.on}"] if rule.on else []
            own += [rule.frequency] if rule.frequency else []
            own += [f"hours {rule.hours}"] if rule.hours else []
            return ", ".join(own)
    return ", ".join([*own, *([f"confirmed at the close of {rule.confirm}"] if rule.confirm else [])])


def own_timeframe(rule: spec.Rule) -> tuple[str, Why] | None:
    """The timeframe that a rule names as its own, and where; None: it names none.

    A session's figures (`previous.high`, `vwap`) are levels of the day, not an interest in days: they name none.
    """
    match rule:
        case spec.LevelRule(confirm=str(confirm)) | spec.ZoneRule(confirm=str(confirm)):
            return confirm, "confirm"
        case spec.ConditionRule(on=str(timeframe)):
            return timeframe, "checked"
        case spec.ConditionRule(event=Crosses(Price(), _, Value() as average)) if (
            average.indicator.kind != "vwap"
        ):
            return average.timeframe, "average"
    return None


def measure(rule: spec.Rule, bars: dict[str, int]) -> Measure:
    """In which timeframe to look on from a rule's alerts.

    Its own, if the files have more bars of it than the longest horizon; else the shortest of the watch that they have.

    Args:
        rule: the rule.
        bars: how many bars of each timeframe of the watch closed, shortest first.
    """
    shortest = next((timeframe for timeframe, count in bars.items() if count), None)
    named = own_timeframe(rule)
    if named is None:
        return Measure(shortest, "shortest")
    timeframe, why = named
    if bars.get(timeframe, 0) > LONGEST or timeframe == shortest:
        return Measure(timeframe, why)
    return Measure(shortest, "own_too_few")


def remembering(rule: spec.Rule) -> set[str]:
    """The timeframes of the indicators it reads that never forget their first bars, and so have to be warm."""
    if not isinstance(rule, spec.ConditionRule):
        return set()
    read = (operand for part in rule.parts for operand in operands(part))
    return {own.timeframe for own in read if isinstance(own, Value) and own.indicator.kind in REMEMBERS}


def band(rule: Level | Zone | Condition, watch: Watch) -> str | None:
    """The re-arm band that guards a rule, as the config has it; None where none has a say."""
    own = watch.rearm
    if isinstance(rule, Condition):
        event = rule.parsed.event
        if not isinstance(event, Crosses | Enters | Leaves) or event.left != Price():
            return None
    elif rule.rearm is not None:
        own = rule.rearm
    if isinstance(own, str):
        return own
    return f"{own:g} points" if own else None

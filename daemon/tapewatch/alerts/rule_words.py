"""A rule of the config in words, all that decides when it fires."""

from collections.abc import Iterator

from tapewatch.alerts.build import iso_ns
from tapewatch.alerts.numbers import written
from tapewatch.alerts.wording import duration
from tapewatch.engine.parts import Crosses, Enters, Leaves, Price
from tapewatch.engine.watch import Band, ConditionRule, LevelRule, Rule, ZoneRule
from tapewatch.market.ticks import NS

_MINUTE = 60 * NS


def rule_words(rule: Rule) -> str:
    """`level 7,000, re-arm band 0.1%, confirm 1h`; two rules that fire alike have the same words."""
    return ", ".join(_words(rule))


def _words(rule: Rule) -> Iterator[str]:
    match rule:
        case LevelRule(_, price, band, confirm):
            yield f"level {written(price, 2)}"
            yield f"re-arm band {_band(band)}"
        case ZoneRule(_, low, high, band, confirm):
            yield f"zone {written(low, 2)}–{written(high, 2)}"
            yield f"re-arm band {_band(band)}"
        case ConditionRule():
            yield from _condition(rule)
            return
    if confirm:
        yield f"confirm {confirm}"


def _condition(rule: ConditionRule) -> Iterator[str]:
    yield " and ".join(map(str, rule.parts))
    match rule.event:
        case Crosses(left=Price()) | Enters(left=Price()) | Leaves(left=Price()):
            yield f"re-arm band {_band(rule.band)}"
    yield f"checked at the close of {rule.on}" if rule.on else "checked on ticks"
    if rule.lasting:
        yield f"for {duration(rule.lasting)}"
    if rule.frequency != "always":
        yield f"once per {rule.bar} bar" if rule.frequency == "once per bar" else rule.frequency
    if rule.hours:
        yield "hours " + "-".join(_time_of_day(edge) for edge in rule.hours)
    if rule.expires is not None:
        yield f"expires {iso_ns(rule.expires)[:19]}Z"


def _band(band: Band) -> str:
    match band.unit:
        case "points":
            return f"{written(band.size)} points"
        case "fraction":
            return f"{100 * band.size:.6g}%"
    return f"{written(band.size)} atr"


def _time_of_day(ns: int) -> str:
    hours, minutes = divmod(ns // _MINUTE, 60)
    return f"{hours:02}:{minutes:02}"

"""What a condition means together with its keys and its watch: when it is checked, and whether it ever can fire."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from tapewatch.alerts.condition_sense import why_never
from tapewatch.alerts.conditions import Condition, ConditionError, parse
from tapewatch.check.tables import Finding, Written
from tapewatch.engine.indicators import Value
from tapewatch.engine.parts import BarValue, Crosses, Diverges, Enters, Leaves, Operand, Price
from tapewatch.market.ticks import NS
from tapewatch.market.timeframes import DAY, duration_ns
from tapewatch.values import check_on, hours_ns, legs_of, price_name, span_ns

_T = TypeVar("_T")

_FEW = 10
"""So many sessions show when an exchange trades: every day of the week, and not only holidays."""


_MORE_THAN_A_LEVEL = ("on", "frequency", "for", "hours", "expires")
"""Keys that no level and no zone has."""


def check_conditions(watch: Written) -> Iterator[Finding]:
    """All that is wrong with the conditions of one watch."""
    for condition in watch.tables("condition"):
        if (when := condition.text("when")) is None:
            continue
        try:
            meant = parse(when)
        except ConditionError as error:
            yield condition.error("when", str(error))
            continue
        yield from _double(watch, condition, meant)
        yield from _never(watch, condition, meant)
        yield from _needs_volume(watch, condition, meant)
        yield from _checked_when(condition, meant)
        yield from _lasting(watch, condition, meant)
        yield from _hours(watch, condition, meant)


def _double(watch: Written, condition: Written, meant: Condition) -> Iterator[Finding]:
    """A level or zone of the watch, said again."""
    if any(key in condition.data for key in _MORE_THAN_A_LEVEL):
        return
    levels = [level.number("price") for level in watch.tables("level")]
    zones = [zone.numbers("low", "high") for zone in watch.tables("zone")]
    match meant:
        case Condition(Crosses(Price(), _, float(price)), ()) if price in levels:
            yield condition.warning(
                "when", f"there is a [[watch.level]] at {price_name(price)} already: two alerts"
            )
        case Condition(Enters(Price(), low, high) | Leaves(Price(), low, high), ()) if (low, high) in zones:
            names = f"{price_name(low)} to {price_name(high)}"
            yield condition.warning("when", f"there is a [[watch.zone]] of {names} already: two alerts")


def _never(watch: Written, condition: Written, meant: Condition) -> Iterator[Finding]:
    """Prices below their own bar's low, and above its high; in extended hours these are those of the last close."""
    if _is_extended(watch, condition, meant):
        return
    when = condition.text("when") or ""
    start = 0
    for written in re.split("and", when, flags=re.IGNORECASE):  # no other word of a condition has it inside
        (part,) = parse(written.strip()).parts
        if why := why_never(part):
            spot = start + len(written) - len(written.lstrip())
            yield condition.error("when", str(ConditionError(when, spot, len(written.strip()), why)))
        start += len(written) + len("and")


def _is_extended(watch: Written, condition: Written, meant: Condition) -> bool:
    """Whether it is checked in extended hours, too."""
    on = _read(check_on, condition.text("on"))
    return watch.text("hours") == "extended" and meant.is_passage and meant.checked_at(on) is None


def _needs_volume(watch: Written, condition: Written, meant: Condition) -> Iterator[Finding]:
    symbol = watch.text("symbol") or ""
    if "feed_symbol" in watch.data or legs_of(symbol) is None:
        return
    if lost := next(filter(_is_of_volume, meant.operands), None):
        yield condition.warning(
            "when", f"a composite such as {symbol} has no volume and no VWAP: {lost} says nothing"
        )


def _is_of_volume(operand: Operand) -> bool:
    match operand:
        case BarValue("volume"):
            return True
        case Value():
            return operand.indicator.kind == "vwap"
    return False


def _checked_when(condition: Written, meant: Condition) -> Iterator[Finding]:
    on = _read(check_on, condition.text("on"))
    if on is None:
        return
    at = meant.checked_at(on)
    if isinstance(meant.event, Diverges):
        own = meant.event.value.timeframe
        if at is None:
            yield condition.error("on", f"a divergence is known at a close: {_instead_of_ticks(meant)}")
        elif at != own:
            yield condition.error(
                "on", f"this divergence is known at the close of its {own} bar: leave on out"
            )
    elif on == "close" and at is None:
        yield condition.error(
            "on", f'{meant} names no timeframe: say which, such as on = "5m" for the close of every 5 minutes'
        )


def _instead_of_ticks(meant: Condition) -> str:
    if not isinstance(meant.event, Diverges) or meant.event.forming:
        return "leave on out; `forming` is checked on ticks as it is"
    warned = replace(meant, event=replace(meant.event, forming=True))
    return f'for an early warning leave on out and write when = "{warned}"'


def _lasting(watch: Written, condition: Written, meant: Condition) -> Iterator[Finding]:
    lasting = _read(span_ns, condition.text("for"))
    if lasting is None:
        return
    if isinstance(meant.event, Diverges):
        yield condition.error("for", "a divergence is known at an instant, and does not last: leave for out")
        return
    spans = [
        (end - start) // timedelta(microseconds=1) * 1000 for start, end in _sessions(watch, condition, meant)
    ]
    if hours := _read(hours_ns, condition.text("hours")):
        spans = [min(span, hours[1] - hours[0]) for span in spans]
    if spans and lasting > max(spans):
        yield condition.error("for", "it must stay true within one session, and none is so long")


def _hours(watch: Written, condition: Written, meant: Condition) -> Iterator[Finding]:
    """Hours in which the condition is never checked."""
    hours = _read(hours_ns, condition.text("hours"))
    sessions = _sessions(watch, condition, meant) if hours else []
    if hours is None or not sessions:
        return
    at = meant.checked_at(_read(check_on, condition.text("on")))
    on_ticks = at is None or (isinstance(meant.event, Diverges) and meant.event.forming)
    if any(_is_checked(session, hours, None if on_ticks else at) for session in sessions):
        return
    start, end = max(sessions, key=lambda session: session[1] - session[0])
    trading = f"{watch.text('calendar') or 'XNYS'} trades from {start:%H:%M} to {end:%H:%M}"
    never = f"no {at} bar ends in these hours" if at else "these hours are outside the session"
    yield condition.error("hours", f"it is never checked, since {never}: {trading}")


def _is_checked(session: tuple[datetime, datetime], hours: tuple[int, int], at: str | None) -> bool:
    """Whether a condition is ever checked in one session: on a tick, or at a close of the timeframe `at`."""
    start, end = session
    closes = [] if at is None else _closes(start, end, at)
    for day in range((end.date() - start.date()).days + 1):
        midnight = datetime.combine(start.date() + timedelta(days=day), time())
        first, last = (midnight + timedelta(microseconds=each // 1000) for each in hours)
        if any(first < close <= last for close in closes) or (at is None and start < last and end > first):
            return True
    return False


def _closes(start: datetime, end: datetime, timeframe: str) -> list[datetime]:
    """Ends of a session's bars: anchored at its start, cut at its end."""
    length = end - start if timeframe == DAY else timedelta(microseconds=duration_ns(timeframe) // 1000)
    count = -((start - end) // length)
    return [min(start + (i + 1) * length, end) for i in range(count)]


def _sessions(watch: Written, condition: Written, meant: Condition) -> list[tuple[datetime, datetime]]:
    """Some sessions in which the condition is checked, in the exchange's time; none of an unknown calendar."""
    from tapewatch.market.sessions import sessions, why_not  # imports pandas, a third of a second

    calendar = watch.text("calendar") or "XNYS"
    if why_not(calendar):
        return []  # found there
    known = sessions(calendar)
    extended = _is_extended(watch, condition, meant)
    opens = (known.extended_opens if extended else known.opens)[-_FEW:].tolist()
    closes = (known.extended_closes if extended else known.closes)[-_FEW:].tolist()
    return [
        (_local(start, known.zone), _local(end, known.zone)) for start, end in zip(opens, closes, strict=True)
    ]


def _local(ns: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(ns // NS, UTC).astimezone(zone).replace(tzinfo=None)


def _read(read: Callable[[str], _T], text: str | None) -> _T | None:
    """What the text says; None if it is not there, or is a mistake of form, which is found there."""
    try:
        return None if text is None else read(text)
    except ValueError:
        return None

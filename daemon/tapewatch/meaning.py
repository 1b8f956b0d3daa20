"""What a watch of the config means to the engine. It compiles nothing, so that commands may ask it, too."""

from datetime import UTC, date, datetime, time, timedelta
from math import inf
from zoneinfo import ZoneInfo

from tapewatch import instruments
from tapewatch.config import Condition, Config, Feed, Level, Watch, Zone
from tapewatch.engine import watch as spec
from tapewatch.market.sessions import Sessions, sessions
from tapewatch.market.ticks import NS
from tapewatch.values import hours_ns, in_ranges, percent, span_ns

SETTLE_AFTER = 20 * 60 * NS
"""How long (ns) the official daily bar is waited for where the vendor has it, unless the watch says otherwise."""


def engine_watch(config: Config, watch: Watch, *, live: bool, settles: bool = True) -> spec.Watch:
    """The watch in the engine's terms; `live` puts it on its own feed's clock, else all share one.

    `settles`: whether a live one may wait for the official daily bar.
    """
    feed = config.feed_of(watch) if live else None
    calendar = sessions(watch.calendar)
    return spec.Watch(
        symbol=watch.symbol,
        sessions=calendar,
        timeframes=tuple(watch.all_timeframes()),
        indicators=tuple(watch.all_indicators()),
        rules=(
            *(_level(level, watch) for level in watch.level),
            *(_zone(zone, watch) for zone in watch.zone),
            *(_condition(condition, watch, calendar.zone) for condition in watch.condition),
        ),
        extended=watch.hours == "extended",
        max_jump=inf if watch.max_jump == "off" else percent(watch.max_jump) or inf,
        feed=config.feed.index(feed) if feed else 0,
        legs=instruments.legs(config, watch),
        settle_after=_settle_after(watch, feed) if live and settles and not _never_shuts(calendar) else 0,
    )


def _band(own: float | str | None, watch: Watch) -> spec.Band:
    band = watch.rearm if own is None else own
    if not isinstance(band, str):
        return spec.Band(band, "points")
    if (ranges := in_ranges(band)) is not None:
        return spec.Band(ranges, "atr")
    return spec.Band(percent(band) or 0.0, "fraction")


def _level(level: Level, watch: Watch) -> spec.LevelRule:
    return spec.LevelRule(level.name, level.price, _band(level.rearm, watch), level.confirm)


def _zone(zone: Zone, watch: Watch) -> spec.ZoneRule:
    return spec.ZoneRule(zone.name, zone.low, zone.high, _band(zone.rearm, watch), zone.confirm)


def _condition(condition: Condition, watch: Watch, zone: ZoneInfo) -> spec.ConditionRule:
    meant = condition.parsed
    return spec.ConditionRule(
        name=condition.name,
        event=meant.event,
        states=meant.states,
        band=_band(None, watch),
        on=condition.checked_at,
        lasting=span_ns(condition.lasting or "0s"),
        frequency=condition.frequency or meant.frequency,
        bar=meant.bar or watch.all_timeframes()[0],
        expires=_expires(condition.expires, zone) if condition.expires else None,
        hours=hours_ns(condition.hours) if condition.hours else None,
    )


def _expires(when: date, zone: ZoneInfo) -> int:
    """A time as ns; of a date the end of that day at the exchange."""
    if not isinstance(when, datetime):
        when = datetime.combine(when + timedelta(days=1), time(), zone)
    since = when - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1) * (NS // 1_000_000)


def _settle_after(watch: Watch, feed: Feed | None) -> int:
    """How long (ns) the official daily bar is waited for."""
    if watch.settle_after is None:
        return SETTLE_AFTER if feed is not None and feed.asks_for_history else 0
    return span_ns(watch.settle_after)


def _never_shuts(calendar: Sessions) -> bool:
    """Whether a session begins where the one before ends: then no official bar can come in between."""
    return bool((calendar.opens[1:] == calendar.closes[:-1]).any())

"""The tables of what is watched: `[[watch]]` and the levels, zones and conditions in it."""

from functools import cached_property
from typing import Literal

from pydantic import Field

from tapewatch.alerts import conditions
from tapewatch.config.table import Table
from tapewatch.engine.indicators import RANGE, Indicator, Value, parse_indicator
from tapewatch.engine.parts import Frequency, timeframe_of
from tapewatch.market.timeframes import DAY, by_length
from tapewatch.values import (
    SYMBOL_PATTERN,
    Band,
    Duration,
    Expiry,
    File,
    Hours,
    IndicatorName,
    Jump,
    Line,
    On,
    Price,
    Role,
    Severity,
    Silence,
    Timeframe,
    in_ranges,
    legs_of,
    price_name,
)


class Level(Table):
    """A price that alerts when it is crossed."""

    price: Price = Field(description="In the symbol's own points.")
    name: Line = Field(
        default_factory=lambda level: price_name(level["price"]),
        min_length=1,
        max_length=64,
        description="What alerts call it; left out: the price.",
    )
    role: Role | None = Field(default=None, description="What it is to the market.")
    next: Line | None = Field(default=None, description="Next target once it breaks, as alerts quote it.")
    note: Line | None = Field(default=None, description="What it means when it breaks.")
    confirm: Timeframe | None = Field(
        default=None, description="Timeframe at whose close the crossing is confirmed or failed."
    )
    rearm: Band | None = Field(default=None, description="Re-arm band; left out: the watch's.")
    severity: Severity = Field(default="warning", description="How much it matters; routes may match it.")


class Zone(Table):
    """Two prices that are read together."""

    low: Price = Field(description="Lower edge.")
    high: Price = Field(description="Upper edge.")
    name: Line = Field(
        default_factory=lambda zone: f"{price_name(zone['low'])}-{price_name(zone['high'])}",
        min_length=1,
        max_length=64,
        description="What alerts call it; left out: low-high.",
    )
    role: Role | None = Field(default=None, description="What it is to the market.")
    next: Line | None = Field(default=None, description="Next target once it breaks, as alerts quote it.")
    note: Line | None = Field(default=None, description="What it means when it breaks.")
    confirm: Timeframe | None = Field(
        default=None, description="Timeframe at whose close a passage is confirmed or failed."
    )
    rearm: Band | None = Field(
        default=None, description="Re-arm band of each edge, at most half the width; left out: the watch's."
    )
    severity: Severity = Field(default="warning", description="How much it matters; routes may match it.")


class Condition(Table):
    """A condition as a trader says it."""

    name: Line = Field(min_length=1, max_length=64, description="What alerts call it.")
    when: Line = Field(description='Such as "rsi(14)@1d crosses above 70".')
    on: On | None = Field(
        default=None,
        description='When it is checked: "tick", "close" or the close of a timeframe such as "5m"; '
        "left out: on ticks if it is about the price, else at the close.",
    )
    frequency: Frequency | None = Field(
        default=None,
        description='How often it may fire; left out: "once per bar", but "always" where the event is about the price '
        "or a divergence.",
    )
    lasting: Duration | None = Field(
        default=None,
        alias="for",
        description='How long it must stay true before it fires, such as "90s" or "5m"; left out: not at all.',
    )
    expires: Expiry | None = Field(
        default=None,
        description="From then on it is not checked: a date such as 2026-03-31, which counts to its end at the "
        "exchange, or a time such as 2026-03-31T15:30:00-04:00.",
    )
    hours: Hours | None = Field(
        default=None,
        description='When it is checked, in the exchange\'s time, such as "09:45-15:45"; left out: always. '
        "Both are of one day: it cannot run over midnight.",
    )
    next: Line | None = Field(default=None, description="Next target once it comes true, as alerts quote it.")
    note: Line | None = Field(default=None, description="What it means when it comes true.")
    severity: Severity = Field(default="info", description="How much it matters; routes may match it.")

    @cached_property
    def parsed(self) -> conditions.Condition:
        """What `when` says.

        Raises:
            ConditionError: nothing; `tapewatch.check` lets no such config through.
        """
        return conditions.parse(self.when)

    @property
    def checked_at(self) -> str | None:
        """The timeframe at whose close it is checked; None: on every tick."""
        return self.parsed.checked_at(self.on)


class Watch(Table):
    """A symbol with its levels, zones and conditions."""

    symbol: Line = Field(
        min_length=1,
        max_length=32,
        pattern=SYMBOL_PATTERN,
        description="What alerts, Redis keys and files call it; `XLC/SPY` is the price of one by that of the other.",
    )
    title: Line | None = Field(
        default=None, max_length=64, description="Its name for people; left out: the symbol."
    )
    feed: str | None = Field(default=None, description="Name of its feed; left out: the only one.")
    feed_symbol: Line | None = Field(
        default=None, description="The vendor's name for it; left out: the symbol, or the two of `XLC/SPY`."
    )
    calendar: str = Field(default="XNYS", description="Exchange calendar, such as XNYS or 24/7.")
    hours: Literal["regular", "extended"] = Field(
        default="regular",
        description="`extended`: levels, zones and what price crosses fire before the open and after the close too.",
    )
    timeframes: list[Timeframe] = Field(
        default=["1m", "5m", "1h", "1d"],
        min_length=1,
        max_length=16,
        description="Bars to build; those that a condition or `confirm` names come by themselves.",
    )
    indicators: list[IndicatorName] = Field(
        default=["rsi(14)", "macd(12,26,9)", "sma(50)", "sma(200)", "ema(20)"],
        max_length=64,
        description="Computed in every timeframe and quoted in alerts; conditions' come by themselves.",
    )
    rearm: Band = Field(
        default="0.1%",
        description="How far price must leave a level before it may fire again: "
        'a percentage of the level, a number of points, or "0.1 atr": ATR(14)@1d at the last close.',
    )
    max_jump: Jump = Field(
        default="1%", description='A larger jump is held back until two more ticks confirm it; or "off".'
    )
    max_silence: Silence | None = Field(
        default=None,
        description="So long without a tick of its own while its market trades, and the feed counts as mute and is "
        'connected anew; left out: 30s, and any tick of the feed will do; or "off".',
    )
    skip_conditions: list[str] = Field(
        default=[], description="Sale conditions, as a file spells them, that do not update the last price."
    )
    settle_after: Duration | None = Field(
        default=None,
        description="How long after the session's end the official daily bar is waited for; left out: 20m where the "
        "feed's vendor has it, else 0.",
    )
    history: list[File] = Field(default=[], description="CSV files of bars that warm the indicators.")
    level: list[Level] = Field(default=[], description="Prices.")
    zone: list[Zone] = Field(default=[], description="Pairs of prices.")
    condition: list[Condition] = Field(default=[], description="Everything else.")

    @property
    def legs(self) -> tuple[str, str] | None:
        """The symbols whose prices are divided, in a composite such as `XLC/SPY`; None for any other."""
        return legs_of(self.symbol) if self.feed_symbol is None else None

    def all_timeframes(self) -> list[str]:
        """The timeframes it needs, those of conditions, `confirm`, bands and VWAP included, shortest first."""
        named = {
            timeframe_of(operand) for condition in self.condition for operand in condition.parsed.operands
        }
        checking = {condition.checked_at for condition in self.condition}
        rules: list[Level | Zone] = [*self.level, *self.zone]
        confirming = {rule.confirm for rule in rules}
        of_session = {DAY} if self._has_bands_in_ranges() or self._has_vwap() else set()
        return by_length({*self.timeframes, *filter(None, (*named, *checking, *confirming)), *of_session})

    def all_indicators(self) -> list[Indicator]:
        """The indicators it needs: its own in their order, then those that only conditions or bands name."""
        own = [parse_indicator(text) for text in self.indicators]
        operands = [operand for condition in self.condition for operand in condition.parsed.operands]
        named = [operand.indicator for operand in operands if isinstance(operand, Value)]
        return list(dict.fromkeys([*own, *named, *([RANGE] if self._has_bands_in_ranges() else [])]))

    def _has_vwap(self) -> bool:
        return any(indicator.kind == "vwap" for indicator in self.all_indicators())

    def _has_bands_in_ranges(self) -> bool:
        rules: list[Level | Zone] = [*self.level, *self.zone]
        bands = [self.rearm, *(rule.rearm for rule in rules)]
        return any(isinstance(band, str) and in_ranges(band) is not None for band in bands)

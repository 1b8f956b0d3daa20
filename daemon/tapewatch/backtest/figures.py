"""What a backtest finds, as figures: the form of its JSON. Changes are percent of the alert's own price."""

from typing import Literal

import msgspec

Why = Literal["confirm", "checked", "average", "shortest", "own_too_few"]


class PerSession(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts a session had."""

    mean: float
    """Over all sessions of the watch, those without any too."""
    most: int
    most_on: str | None
    """Date of the first session that had the most; null if there was no alert."""
    sessions: int
    """How many sessions had any."""


class After(msgspec.Struct, frozen=True, kw_only=True):
    """What price had done so many bars after the alerts, percent, signed in their direction."""

    bars: int
    n: int
    """Alerts with so many bars after them; the last ones of the files have not."""
    apart: int
    """How many of these at most share no bar: overlapping ones are not independent of each other."""
    mean: float | None
    median: float | None
    in_favour: float | None
    """Share (0 to 1) above 0."""


class Excursions(msgspec.Struct, frozen=True, kw_only=True):
    """How far price went at most by the end of the longest horizon, percent, signed in the alert's direction."""

    n: int
    favourable_mean: float
    favourable_median: float
    favourable_most: float
    adverse_mean: float
    """Against the alert: 0 or less."""
    adverse_median: float
    adverse_most: float


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """How the changes after the longest horizon are spread around 0."""

    width: float
    """Of a bin, percent."""
    alerts: list[int]
    """Of 20 bins, the first from -10 widths on; the outermost two have all beyond, too."""


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of breakouts and entries at the close of their `confirm` bar."""

    confirmed: int
    failed: int
    neither: int
    """Not followed: a later alert of that bar was, or no bar of that timeframe formed, or the files end before."""


class Rearm(msgspec.Struct, frozen=True, kw_only=True):
    """What the re-arm band does, confirmed and failed not counted."""

    band: str
    """As the config has it."""
    fired: int
    without: int
    """How often it fires with `rearm = 0`, on the same tape."""
    saved: int
    """`without` less `fired`; below 0 where a `for` is interrupted more often without."""


class Nearest(msgspec.Struct, frozen=True, kw_only=True):
    """How near a rule that never fired came to it, by closed bars."""

    part: str
    """The level, the zone, or the part of the condition."""
    value: float | None
    """Of what was compared, when it was nearest; null if it never had a value, as of an indicator with too few bars."""
    beside: float | None
    """What it was compared with."""
    distance: float | None
    """From one to the other, 0 or more; 0: it was there."""
    time: str | None
    """End of that bar, RFC 3339 UTC."""
    held: int | None
    """Bars at whose close the part held; null of what is no state."""
    bars: int
    """Bars that were looked at."""


class TypeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One type of alert of a rule, one way."""

    type: str
    """Without `tapewatch.`, such as `level.crossed_up`."""
    direction: Literal["up", "down"] | None
    """In which changes are signed; null: there is none, and a rise counts as in favour."""
    stage: Literal["confirmed", "forming"] | None
    """Of a divergence."""
    alerts: int
    per_session: PerSession
    hours: dict[str, int]
    """Alerts by the half hour of the exchange's day in which they came, such as `09:30`; empty ones are left out."""
    followed: Followed | None
    """Null where nothing confirms."""
    after: list[After]
    excursions: Excursions | None
    """Null if no alert has so many bars after it."""
    distribution: Distribution | None


class RuleFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One rule."""

    rule: str
    kind: Literal["level", "zone", "condition"]
    what: str
    """What it watches for, in words."""
    alerts: int
    """All of its alerts, confirmed and failed too."""
    per_session: PerSession
    hours: dict[str, int]
    """As of a type."""
    timeframe: str | None
    """Of the bars by which `after` is counted; null if the files gave none."""
    why: Why
    """Why this one: it is the rule's `confirm`; what it is checked at the close of; that of the average that price
    crosses; the shortest of the watch, as the rule names none; or the shortest, as there were too few of its own.
    """
    own_timeframe: str | None
    """What the rule names, if it names one."""
    cold: int
    """Of a condition: alerts of which an RSI, EMA, MACD or ATR that it reads had seen fewer than 250 bars."""
    rearm: Rearm | None
    """Null where no band has a say."""
    nearest: list[Nearest]
    """Of a rule that never fired; empty where it cannot be told from closed bars."""
    types: list[TypeFigures]


class AnyBar(msgspec.Struct, frozen=True, kw_only=True):
    """What price did over as many bars from any bar on: what alerts are to be measured against."""

    bars: int
    n: int
    mean: float | None
    median: float | None
    rose: float | None
    """Share (0 to 1) above 0."""


class WatchFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One watch."""

    symbol: str
    title: str
    calendar: str
    zone: str
    """The exchange's, in which hours are told."""
    sessions: int
    """Sessions of which the files have anything."""
    first: str
    """Date of the first and of the last of them."""
    last: str
    bars: dict[str, int]
    """Bars closed, by timeframe, shortest first."""
    alerts: int
    per_session: PerSession
    any_bar: dict[str, list[AnyBar]]
    """By timeframe, of those that rules are measured in."""
    rules: list[RuleFigures]


class FileFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One file."""

    path: str
    ticks: int
    """Of a file of bars four a bar."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """A backtest."""

    form: Literal[1] = 1
    """Of this JSON; another number means that a field is gone or means something else."""
    config: str
    """The instance's name."""
    files: list[FileFigures]
    ticks: int
    refused: dict[str, int]
    """Ticks that were refused, by reason."""
    alerts: int
    few: int
    """Below so many windows apart, figures say little."""
    notes: list[str]
    watches: list[WatchFigures]
    """Those that the files have something of."""


def encode(figures: Figures) -> bytes:
    """As JSON for programs, indented, with a line feed at its end."""
    return msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n"

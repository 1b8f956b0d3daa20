"""Conditions as a trader writes them: one string, parts joined by `and`. Read with regular expressions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from reference.indicators import plain
from reference.ticks import duration

NUMBER = r"-?\d+(?:\.\d+)?"
SPAN = r"\d+[mhd]"

_OPERAND = re.compile(
    rf"""
      (?P<number>{NUMBER})
    | (?P<price>price)
    | previous\.(?P<previous>high|low|close)
    | session\.(?P<session>open|high|low|close|volume)
    | change\(\s*(?P<change>{SPAN})\s*\)
    | (?P<field>open|high|low|close|volume)@(?P<of>{SPAN})
    | (?P<vwap>vwap)(@{SPAN})?
    | (?P<indicator>\w+\s*\([\d.,\s]+\)|macd)(?P<output>\.\w+)?@(?P<timeframe>{SPAN})
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Operand:
    """What stands on either side of a comparison. `kind` says which of the others count."""

    kind: str  # number, price, previous, bar, change, vwap, indicator
    name: str = ""  # of the bar's field; of the indicator, its value included: `macd(12,26,9).hist`
    timeframe: str | None = None  # whose bars it needs
    number: float = 0.0
    span: str | None = None  # of a change

    @cached_property
    def indicator(self) -> str:
        """Name of the indicator, without which of its values."""
        return self.name[: self.name.index(")") + 1]


def operand(text: str) -> Operand:
    form = _OPERAND.fullmatch(text.strip())
    assert form is not None, text
    if form["number"]:
        return Operand("number", number=float(form["number"]))
    if form["price"]:
        return Operand("price")
    if form["previous"]:
        return Operand("previous", form["previous"], "1d")
    if form["session"]:
        return Operand("bar", form["session"], "1d")
    if form["field"]:
        return Operand("bar", form["field"], form["of"])
    if form["change"]:
        return Operand("change", timeframe="1m", span=form["change"])
    if form["vwap"]:
        return Operand("vwap", timeframe=text.strip().partition("@")[2] or "1d")
    name = "macd(12,26,9)" if form["indicator"] == "macd" else plain(form["indicator"])
    return Operand("indicator", name + (form["output"] or ""), form["timeframe"])


@dataclass(frozen=True)
class Part:
    """`left crosses low`, `left enters low to high`, `left within distance of low`, `left >= low`, ..."""

    verb: str  # crosses, enters, leaves, diverges; >, >=, <, <=, within, "within %"
    left: Operand
    low: Operand = Operand("number")
    high: Operand = Operand("number")
    distance: float = 0.0
    only: str | None = None  # of a cross: up, down; of a divergence: bullish, bearish; None for both
    hidden: bool = False
    forming: bool = False
    moves: str | None = None  # `price up 1.5% in 30m`: up or down

    @property
    def is_event(self) -> bool:
        return self.verb in ("crosses", "enters", "leaves", "diverges")

    @cached_property
    def operands(self) -> list[Operand]:
        return [own for own in (self.left, self.low, self.high) if own.kind != "number"]

    @property
    def timeframes(self) -> list[str]:
        return [own.timeframe for own in self.operands if own.timeframe]

    @property
    def about_price(self) -> bool:
        return self.left.kind == "price"


_PARTS = [
    re.compile(r"(?P<left>.+?)\s+(?P<verb>crosses)(?:\s+(?P<way>above|below))?\s+(?P<low>.+)"),
    re.compile(rf"(?P<left>.+?)\s+(?P<verb>enters|leaves)\s+(?P<low>{NUMBER})\s+to\s+(?P<high>{NUMBER})"),
    re.compile(r"(?P<left>.+?)\s+(?P<verb>diverges)(?P<words>(?:\s+\w+)*)"),
    re.compile(r"(?P<left>.+?)\s*(?P<verb>>=|<=|>|<)\s*(?P<low>.+)"),
    re.compile(
        r"(?P<left>.+?)\s+(?P<verb>within)\s+(?P<distance>\d+(?:\.\d+)?)\s*(?P<percent>%?)\s+of\s+(?P<low>.+)"
    ),
    re.compile(rf"price\s+(?P<verb>up|down)\s+(?P<distance>\d+(?:\.\d+)?)\s*%\s+in\s+(?P<span>{SPAN})"),
]


def part(text: str) -> Part:
    form = next(found for pattern in _PARTS if (found := pattern.fullmatch(text.strip())))
    read, verb = form.groupdict(), form["verb"]
    if verb in ("up", "down"):
        by = float(form["distance"])
        change = operand(f"change({form['span']})")
        sign, number = (">=", by) if verb == "up" else ("<=", -by)
        return Part(sign, change, Operand("number", number=number), moves=verb)
    left = operand(form["left"])
    if verb == "diverges":
        words = set(form["words"].split())
        sides = [side for side in ("bullish", "bearish") if side in words]
        hidden, forming = "hidden" in words, "forming" in words
        return Part(verb, left, only=sides[0] if sides else None, hidden=hidden, forming=forming)
    low = operand(form["low"])
    if verb == "within":
        return Part("within %" if form["percent"] else verb, left, low, distance=float(form["distance"]))
    high = operand(read["high"]) if read.get("high") else Operand("number")
    return Part(verb, left, low, high, only={"above": "up", "below": "down"}.get(read.get("way") or ""))


@dataclass(frozen=True)
class Meaning:
    """What a condition says, and when it is checked."""

    parts: Sequence[Part]

    @cached_property
    def event(self) -> Part | None:
        return next((own for own in self.parts if own.is_event), None)

    @cached_property
    def states(self) -> list[Part]:
        return [own for own in self.parts if not own.is_event]

    @property
    def timeframes(self) -> list[str]:
        """All that it names, shortest first."""
        return sorted({name for own in self.parts for name in own.timeframes}, key=duration)

    @cached_property
    def price_event(self) -> bool:
        """It is a level or a zone."""
        return self.event is not None and self.event.about_price

    @property
    def usual_frequency(self) -> str:
        """A band guards what is about the price, a pivot a divergence."""
        guarded = self.price_event or (self.event is not None and self.event.verb == "diverges")
        return "always" if guarded else "once per bar"

    def checked_on(self, on: str | None, shortest: str) -> str | None:
        """The timeframe at whose close; None: on every tick. `shortest` is the watch's shortest timeframe."""
        if on == "tick":
            return None
        if on == "close":
            return (self.timeframes or [shortest])[0]
        if on is not None:
            return on
        if self.event is not None:
            named = self.event.timeframes
            on_ticks = self.price_event
        else:
            named = [name for own in self.states for name in own.timeframes]
            on_ticks = all(own.left.kind in ("price", "change") for own in self.states)
        return None if on_ticks else min(named, key=duration)

    def bar(self, shortest: str) -> str:
        """The timeframe of `once per bar`."""
        named = [own.span or own.timeframe for one in self.parts for own in one.operands]
        return min((name for name in named if name), key=duration, default=shortest)


def parse_condition(when: str) -> Meaning:
    return Meaning([part(text) for text in re.split(r"\s+and\s+", when.strip())])

"""What a condition is made of: operands, events and states. `str` writes each as a trader does.

An event happens at an instant (a cross, an entry, a divergence); a state holds or does not (a comparison).
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from tapewatch.engine.indicators import Value
from tapewatch.market.timeframes import DAY

Direction = Literal["up", "down"]
Field = Literal["open", "high", "low", "close", "volume"]
Sign = Literal[">", ">=", "<", "<="]
Side = Literal["bullish", "bearish"]
Kind = Literal["regular", "hidden"]
Frequency = Literal["always", "once per bar", "once per session", "once"]


@dataclass(frozen=True, order=True)
class Price:
    """The last admitted price. All instances are equal."""

    def __str__(self) -> str:
        return "price"


@dataclass(frozen=True, order=True)
class BarValue:
    """A field of the forming bar, at a close of the closed one; on 1d the session's: `high@1d`."""

    field: Field
    timeframe: str

    def __str__(self) -> str:
        return f"{self.field}@{self.timeframe}"


@dataclass(frozen=True, order=True)
class Previous:
    """The previous session's high, low or close: `previous.high`."""

    field: Literal["high", "low", "close"]

    def __str__(self) -> str:
        return f"previous.{self.field}"


@dataclass(frozen=True, order=True)
class Change:
    """Percent since the close of the 1m bar so many trading minutes before, of the same session: `change(30m)`."""

    span: str

    def __str__(self) -> str:
        return f"change({self.span})"


Operand = Price | Value | BarValue | Previous | Change


@dataclass(frozen=True)
class Crosses:
    """The left goes across the right: upwards, downwards, or either way (None)."""

    left: Operand
    direction: Direction | None
    right: Operand | float

    def __str__(self) -> str:
        words = {"up": "crosses above", "down": "crosses below", None: "crosses"}
        return f"{self.left} {words[self.direction]} {_plain(self.right)}"


@dataclass(frozen=True)
class Enters:
    """The left comes in between two numbers, edges included."""

    left: Operand
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.left} enters {_plain(self.low)} to {_plain(self.high)}"


@dataclass(frozen=True)
class Leaves:
    """The left goes out from between two numbers."""

    left: Operand
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.left} leaves {_plain(self.low)} to {_plain(self.high)}"


@dataclass(frozen=True)
class Diverges:
    """Price and an oscillator part."""

    value: Value
    kind: Kind = "regular"
    side: Side | None = None
    """None: both."""
    forming: bool = False
    """Early warnings too, while the bar forms."""

    def __str__(self) -> str:
        words = (str(self.value), "diverges", self.kind if self.kind == "hidden" else "", self.side or "")
        return " ".join(filter(None, (*words, "forming" if self.forming else "")))


@dataclass(frozen=True)
class Compare:
    """The left is over or under the right."""

    left: Operand
    sign: Sign
    right: Operand | float

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {_plain(self.right)}"


@dataclass(frozen=True)
class Within:
    """The left is so near to the right, the distance included."""

    left: Operand
    distance: float
    """Points, or percent of the right."""
    percent: bool
    right: Operand | float

    def __str__(self) -> str:
        unit = "%" if self.percent else ""
        return f"{self.left} within {_plain(self.distance)}{unit} of {_plain(self.right)}"


@dataclass(frozen=True)
class Moves:
    """Price is up or down by so many percent over some trading minutes, or more."""

    direction: Direction
    percent: float
    span: str

    @property
    def left(self) -> Change:
        """What it is a comparison of."""
        return Change(self.span)

    def __str__(self) -> str:
        return f"price {self.direction} {_plain(self.percent)}% in {self.span}"


Event = Crosses | Enters | Leaves | Diverges
State = Compare | Within | Moves


def operands(part: Event | State) -> tuple[Operand, ...]:
    """What a part reads; numbers are none."""
    if isinstance(part, Diverges):
        return (part.value,)
    right = getattr(part, "right", None)
    return (part.left,) if right is None or isinstance(right, float) else (part.left, right)


def timeframe_of(operand: Operand) -> str | None:
    """The timeframe whose bars an operand needs: 1m for a change, 1d for a session; None for the price."""
    match operand:
        case Value() | BarValue():
            return operand.timeframe
        case Change():
            return "1m"
        case Previous():
            return DAY
    return None


def _plain(number: Operand | float) -> str:
    """As a trader writes it: 70, not 70.0; never with an exponent."""
    return f"{Decimal(repr(number)):f}".removesuffix(".0") if isinstance(number, float) else str(number)

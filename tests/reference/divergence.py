"""Divergence (design §4), over all bars at once; the early warning from the pivots that are known by then."""

from collections.abc import Sequence
from itertools import pairwise

from reference.indicators import Values
from reference.judge import Judge
from reference.ticks import Bar

SIDE = 5  # bars on either side of a pivot
NEAREST, FARTHEST = 6, 61  # bars between two pivots that are compared
SIDES = {1: "bearish", -1: "bullish"}  # of pivot highs, of pivot lows
KINDS = ("regular", "hidden")


def beyond(value: float, other: float) -> bool:
    """Whether an oscillator is over another value of its own, and not by rounding alone."""
    return value - other > 1e-9 * max(abs(value), abs(other))


def pivots(values: Sequence[float | None], sign: int) -> list[int]:
    """Indices of the pivot highs (`sign` 1) or lows (-1).

    A pivot is strictly beyond the five values before it and at least level with the five after.
    """
    found = []
    for i in range(SIDE, len(values) - SIDE):
        around = [sign * value for value in values[i - SIDE : i + SIDE + 1] if value is not None]
        if len(around) < 2 * SIDE + 1:
            continue
        before, middle, after = around[:SIDE], around[SIDE], around[SIDE + 1 :]
        if beyond(middle, max(before)) and not beyond(max(after), middle):
            found.append(i)
    return found


def kind_of(sign: int, prices: tuple[float, float], values: tuple[float, float], judge: Judge) -> str | None:
    """`regular`, `hidden` or None, from the first pivot to the second; `sign` 1 for highs, -1 for lows."""
    (price_before, price), (value_before, value) = prices, values
    if judge.over(sign * price, sign * price_before) and beyond(sign * value_before, sign * value):
        return "regular"
    if judge.over(sign * price_before, sign * price) and beyond(sign * value, sign * value_before):
        return "hidden"
    return None


def extreme(bar: Bar, sign: int) -> float:
    return bar.high if sign == 1 else bar.low


class Divergences:
    """All that there is between `bars` and `oscillator`."""

    def __init__(self, bars: Sequence[Bar], oscillator: Values, judge: Judge) -> None:
        self.bars, self.oscillator, self.judge = bars, oscillator, judge
        self.pivots = {sign: pivots(oscillator, sign) for sign in SIDES}
        self.confirmed: dict[int, str] = {}
        """By index of the bar at whose close it is known: `regular_bearish`, `hidden_bullish` and so on."""
        for sign in SIDES:
            for first, second in pairwise(self.pivots[sign]):
                name = self.name(sign, first, second, extreme(bars[second], sign), oscillator[second])
                if name:
                    self.confirmed[second + SIDE] = name

    def forming(self, index: int, bar: Bar, value: float | None) -> list[tuple[int, str]]:
        """Pivot and name of each that the forming bar, the `index`-th, would make with the last known pivot."""
        found = []
        for sign in SIDES:
            known = [pivot for pivot in self.pivots[sign] if pivot + SIDE < index]
            if known and value is not None:
                name = self.name(sign, known[-1], index, extreme(bar, sign), value)
                if name:
                    found.append((known[-1], name))
        return found

    def name(self, sign: int, first: int, second: int, price: float, value: float | None) -> str | None:
        """What the second pivot, of this price and value, makes of the first."""
        before = self.oscillator[first]
        assert before is not None
        assert value is not None
        prices = extreme(self.bars[first], sign), price
        kind = kind_of(sign, prices, (before, value), self.judge)
        return f"{kind}_{SIDES[sign]}" if kind and NEAREST <= second - first <= FARTHEST else None

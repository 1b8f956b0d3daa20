"""Confirmed regular divergence (design §4), over all bars at once."""

from itertools import pairwise

from reference.indicators import Values
from reference.ticks import Bar

SIDE = 5  # bars on either side of a pivot
NEAREST, FARTHEST = 6, 61  # bars between two pivots that are compared


def pivots(values: list[float | None], sign: int) -> list[int]:
    """Indices of the pivot highs (`sign` 1) or lows (-1).

    A pivot is strictly beyond the five values before it and at least level with the five after.
    """
    found = []
    for i in range(SIDE, len(values) - SIDE):
        around = values[i - SIDE : i + SIDE + 1]
        if any(value is None for value in around):
            continue
        signed = [sign * value for value in around if value is not None]
        before, middle, after = signed[:SIDE], signed[SIDE], signed[SIDE + 1 :]
        if middle > max(before) and middle >= max(after):
            found.append(i)
    return found


def divergences(bars: list[Bar], oscillator: Values) -> dict[int, str]:
    """Per index of the bar at whose close it is known: `regular_bearish` or `regular_bullish`."""
    known = {}
    for sign, name in ((1, "regular_bearish"), (-1, "regular_bullish")):
        at = pivots(oscillator, sign)
        for first, second in pairwise(at):
            before, after = oscillator[first], oscillator[second]
            assert before is not None
            assert after is not None
            if sign == 1:
                diverges = bars[second].high > bars[first].high and after < before
            else:
                diverges = bars[second].low < bars[first].low and after > before
            if diverges and NEAREST <= second - first <= FARTHEST:
                known[second + SIDE] = name
    return known

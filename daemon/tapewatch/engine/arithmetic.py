"""The indicators' arithmetic: one small function each, the same for the forming bar and for the closed one.

Each takes the state after the last closed bar, the price (of the forming bar, or its close) and `n`, the number
of bars closed before, and returns the state after a bar that closes there, and the value. The forming bar takes
the value alone; a close keeps the state too. The value is NaN until TA-Lib's first index.
"""

from numpy import nan, sqrt

from tapewatch.engine.jit import formula

NOTHING_MOVED = 1e-14
"""Below this TA-Lib takes the sum of gains and losses for zero (`TA_IS_ZERO`, ta_utility.h)."""


@formula
def sma(total, price, n, period):
    """Simple moving average: the sum of the last `period` prices over `period`.

    `total` is the sum of the last `period` - 1 closes. Source: TA-Lib `ta_SMA.c`.
    """
    if n + 1 < period:
        return nan
    return (total + price) / period


@formula
def ema(state, price, n, period, alpha):
    """Exponential moving average, alpha = 2 / (period + 1), seeded with the SMA of the first `period` prices.

    `state` is the sum of the closes until the seed, then the average. Source: TA-Lib `ta_EMA.c`.
    """
    if n + 1 < period:
        return state + price, nan
    average = (state + price) / period if n + 1 == period else (price - state) * alpha + state
    return average, average


@formula
def rsi(gain, loss, previous, price, n, period, alpha):
    """Relative strength index, 100 × gain / (gain + loss), of Wilder's averages of gains and losses.

    `gain` and `loss` are sums until the seed (`period` changes), then averages with alpha = 1 / period; `previous`
    is the last close.
    A price that never moved has 50 (TA-Lib says 0), so that a halted stock is not oversold.
    Source: Wilder, New Concepts in Technical Trading Systems (1978), p. 63 ff.; TA-Lib `ta_RSI.c`.
    """
    if n == 0:
        return 0.0, 0.0, nan
    change = price - previous
    up = change if change > 0.0 else 0.0
    down = -change if change < 0.0 else 0.0
    if n < period:
        return gain + up, loss + down, nan
    if n == period:
        gain = (gain + up) / period
        loss = (loss + down) / period
    else:
        gain += (up - gain) * alpha
        loss += (down - loss) * alpha
    moved = gain + loss
    value = 50.0 if moved < NOTHING_MOVED else 100.0 * (gain / moved)
    return gain, loss, value


@formula
def macd(fast, slow, signal, price, n, fast_period, slow_period, signal_period, a_fast, a_slow, a_signal):
    """MACD: EMA(fast) - EMA(slow), its EMA as signal line, and their difference, the histogram.

    Both averages are seeded at the same bar, the slow one's first; all three values exist from the signal's first
    on. Source: Appel, Technical Analysis: Power Tools for Active Investors (2005), ch. 8; TA-Lib `ta_MACD.c`.
    """
    first = slow_period - 1  # the bar at which both averages are seeded
    if n >= slow_period - fast_period:
        fast, _ = ema(fast, price, n - (slow_period - fast_period), fast_period, a_fast)
    slow, _ = ema(slow, price, n, slow_period, a_slow)
    if n < first:
        return fast, slow, signal, nan, nan, nan
    line = fast - slow
    signal, average = ema(signal, line, n - first, signal_period, a_signal)
    if n < first + signal_period - 1:
        return fast, slow, signal, nan, nan, nan
    return fast, slow, signal, line, average, line - average


@formula
def atr(state, previous, high, low, n, period, alpha):
    """Average true range: Wilder's average, alpha = 1 / period, of how far price went in a bar, gaps included.

    `state` is the sum of the true ranges until the seed, then the average; the first bar has no true range.
    Source: Wilder, New Concepts in Technical Trading Systems (1978), p. 21 ff.; TA-Lib `ta_ATR.c`.
    """
    if n == 0:
        return 0.0, nan
    reach = max(high, previous) - min(low, previous)
    if n < period:
        return state + reach, nan
    average = (state + reach) / period if n == period else state + (reach - state) * alpha
    return average, average


@formula
def bollinger(total, squares, anchor, price, n, period, deviations):
    """Bollinger bands: the average, and so many standard deviations (of the population) above and below it.

    `total` and `squares` are the sums of x and of x² over the last `period` - 1 closes, where x is how far a close
    is from `anchor`, a close of about that time: so that squares of prices do not drown what they differ by.
    Source: Bollinger on Bollinger Bands (2001), ch. 7; TA-Lib `ta_BBANDS.c`, `ta_VAR.c`.
    """
    if n + 1 < period:
        return nan, nan, nan
    x = price - anchor
    mean = (total + x) / period
    variance = (squares + x * x) / period - mean * mean
    width = deviations * sqrt(variance) if variance > NOTHING_MOVED else 0.0
    middle = anchor + mean
    return middle + width, middle, middle - width


@formula
def roc(base, price, n, period):
    """Rate of change in percent: 100 × (price / base - 1), `base` being the close `period` bars before.

    Source: TA-Lib `ta_ROC.c`.
    """
    if n < period:
        return nan
    return (price - base) * 100.0 / base

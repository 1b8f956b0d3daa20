"""What everything that a condition may name is worth, at every instant of the tape.

A timeframe's value is that of its forming bar, what was last admitted included; where none forms, that of the
bar that closed last.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from reference.conditions import Operand
from reference.indicators import Values, indicator, names
from reference.sessions import Session
from reference.tape import Admitted, Merged
from reference.ticks import NS, Bar, duration

MINUTE = 60 * NS


class Series:
    """One timeframe: its closed bars, the one that forms, and indicators over them."""

    def __init__(self, indicators: Iterable[str]) -> None:
        self.names = list(dict.fromkeys(indicators))
        self.bars: list[Bar] = []
        self.forming: Bar | None = None
        self.running = {name: indicator(name) for name in self.names}
        self.closed: dict[str, Values] = {value: [] for name in self.names for value in names(name)}
        self.forming_values: dict[str, float | None] = {}

    def count(self, timeframe: str, start: int, own: Bar) -> None:
        """Count a tick, or a finer bar of history, in the forming bar."""
        self.forming_values = {}
        bar = self.forming
        if bar is None:
            bar = self.forming = Bar(timeframe, start, start, own.open, own.high, own.low, own.close)
        if own.high > bar.high:
            bar.high = own.high
        if own.low < bar.low:
            bar.low = own.low
        bar.close = own.close
        bar.volume += own.volume

    def close(self, bar: Bar) -> None:
        self.bars.append(bar)
        self.forming, self.forming_values = None, {}
        for name in self.names:
            for value, number in zip(names(name), self.running[name].close(bar), strict=True):
                self.closed[value].append(number)

    def settle(self, bar: Bar) -> None:
        """Put `bar` in the place of the one that closed last, as if it had closed so."""
        bars = [*self.bars[:-1], bar]
        self.__init__(self.names)  # type: ignore[misc]
        for own in bars:
            self.close(own)

    def value(self, name: str, value: str) -> float | None:
        """Of an indicator, one of its values."""
        if self.forming is None:
            return self.closed[value][-1] if self.bars else None
        if value not in self.forming_values:
            self.forming_values |= zip(names(name), self.running[name].of(self.forming), strict=True)
        return self.forming_values[value]

    def bar(self) -> Bar | None:
        return self.forming or (self.bars[-1] if self.bars else None)


class Market:
    """The symbol as it stands."""

    def __init__(self, timeframes: Iterable[str], indicators: Sequence[str]) -> None:
        self.series = {timeframe: Series(indicators) for timeframe in timeframes}
        self.price: float | None = None
        self.session: Session | None = None  # of the last admitted tick
        self.minute: int | None = None  # start of the 1m bar that the last tick to count in one counts in
        self.minute_price = 0.0
        self.minute_session: Session | None = None
        self.vwap_session: Session | None = None
        self.traded = self.turnover = 0.0

    def admit(self, event: Admitted) -> None:
        price = event.tick.price
        tick = Bar("", event.tick.time, event.tick.time, price, price, price, price, event.tick.size)
        self.count(tick, event.session, event.counted, event.hours == "regular")

    def merge(self, event: Merged) -> None:
        self.count(event.bar, event.session, event.counted, True)

    def count(self, own: Bar, session: Session, counted: Mapping[str, int], regular: bool) -> None:
        self.price, self.session = own.close, session
        if "1m" in counted:
            self.minute, self.minute_price, self.minute_session = counted["1m"], own.close, session
        for timeframe, start in counted.items():
            self.series[timeframe].count(timeframe, start, own)
        if regular:
            if self.vwap_session != session:
                self.vwap_session, self.traded, self.turnover = session, 0.0, 0.0
            self.traded += own.volume
            self.turnover += own.close * own.volume

    @property
    def vwap(self) -> float | None:
        return self.turnover / self.traded if self.traded else None

    @property
    def average_range(self) -> float | None:
        """ATR(14)@1d at the last daily close."""
        values = self.series["1d"].closed["atr(14)"] if "1d" in self.series else []
        return values[-1] if values else None

    def value(self, operand: Operand) -> float | None:
        if operand.kind == "number":
            return operand.number
        if operand.kind == "price":
            return self.price
        if operand.kind == "vwap":
            return self.vwap
        if operand.kind == "change":
            assert operand.span is not None
            return self.change(operand.span)
        if operand.kind == "previous":
            return self.previous(operand.name)
        assert operand.timeframe is not None
        series = self.series[operand.timeframe]
        if operand.kind == "indicator":
            return series.value(operand.indicator, operand.name)
        bar = series.bar()
        return None if bar is None else float(getattr(bar, operand.name))

    def previous(self, field: str) -> float | None:
        """Of the last session before the one that the last admitted tick belongs to."""
        assert self.session is not None
        before = [bar for bar in self.series["1d"].bars[-3:] if bar.start < self.session.open]
        return float(getattr(before[-1], field)) if before else None

    def change(self, span: str) -> float | None:
        """Percent from the close of the 1m bar so many minutes before, or the last one before it.

        Where no 1m bar forms, as in extended hours, it is what it was at the last tick that counted in one.
        """
        if self.minute is None or self.minute_session is None:
            return None
        begin = self.minute_session.open
        base = self.minute - duration(span)
        for bar in reversed(self.series["1m"].bars):
            if bar.start < begin or base < begin:
                return None
            if bar.start <= base:
                return percent(self.minute_price, bar.close)
        return None


def percent(price: float, base: float) -> float:
    """How far `price` is from `base`; of prices as they are written, so that 253.005 is 1 % over 250.5, no less."""
    return float((Fraction(repr(price)) / Fraction(repr(base)) - 1) * 100)

"""The daily summary: where each symbol closed, its daily indicators, and how many alerts there were."""

from collections import Counter
from collections.abc import Mapping, Sequence

import structlog

from tapewatch.alerts.build import iso_ns
from tapewatch.engine.engine import Engine
from tapewatch.market.timeframes import DAY

log = structlog.get_logger(__name__)

_DECIMALS = 4


class DailySummary:
    """Writes the summary of some symbols into the log.

    Args:
        engine: knows price and indicators.
        rows: the symbols' rows in it.
        fired: alerts since the start, by symbol; it goes on counting.
    """

    def __init__(self, engine: Engine, rows: Sequence[int], fired: Mapping[str, int]) -> None:
        self._engine = engine
        self._rows = rows
        self._fired = fired
        self._told: Counter[str] = Counter()

    def write(self) -> None:
        """One line a symbol."""
        for row in self._rows:
            symbol = self._engine.layouts[row].watch.symbol
            price, time_ns = self._engine.last(row)
            if not time_ns:
                continue  # it has not traded: there is nothing to sum up
            fired = self._fired.get(symbol, 0)
            log.info(
                "summary.daily",
                symbol=symbol,
                price=price,
                time=iso_ns(time_ns),
                fired=fired - self._told[symbol],
                indicators=self._daily(row),
            )
            self._told[symbol] = fired

    def _daily(self, row: int) -> dict[str, float]:
        return {
            name: round(value, _DECIMALS)
            for name, value in self._engine.values(row).items()
            if name.endswith(f"@{DAY}") and value == value
        }

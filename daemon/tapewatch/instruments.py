"""Under which names ticks and bars come, in files and on feeds, and which of the engine's instruments they are.

An instrument is what a tick can be of: a watch, or a leg of a composite that is not watched itself.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tapewatch.config import Config, Feed, Watch

if TYPE_CHECKING:  # it compiles the kernels
    from tapewatch.engine.engine import Engine


@dataclass(frozen=True)
class Names:
    """What files may call a watch."""

    own: tuple[str, ...]
    """Its symbol; then the vendor's name for it, if it has one."""
    legs: tuple[tuple[str, ...], ...] = ()
    """Of a composite, the same of either leg."""


def legs(config: Config, watch: Watch) -> tuple[str, str] | None:
    """The legs of a composite, each by the symbol under which it is watched if it is; None for any other watch.

    So `I:SPX/SPY` means the watch `SPX` that the vendor calls `I:SPX`.
    """
    if watch.legs is None:
        return None
    first, second = watch.legs
    return _symbol(config, first), _symbol(config, second)


def names(config: Config, watch: Watch) -> Names:
    """What files may call the watch and its legs."""
    own_legs = legs(config, watch) or ()
    return Names(_names(watch), tuple(_names_of_leg(config, leg) for leg in own_legs))


def in_files(config: Config, engine: "Engine") -> dict[str, int]:
    """The instrument behind every name that ticks may come under in a file, as `TICK["symbol"]` has it."""
    return {
        name: row for row, watch in enumerate(config.watch) for name in _names(watch)
    } | engine.instruments


def asked(config: Config, feed: Feed) -> dict[str, str]:
    """The symbol behind every name that the feed's vendor is asked for; a composite comes by its legs."""
    vendors = {watch.symbol: watch.feed_symbol for watch in config.watch if watch.feed_symbol}
    watches = [watch for watch in config.watch if config.feed_of(watch) is feed]
    symbols = [symbol for watch in watches for symbol in legs(config, watch) or (watch.symbol,)]
    return {vendors.get(symbol, symbol): symbol for symbol in symbols}


def on_feed(config: Config, feed: Feed, engine: "Engine") -> dict[str, int]:
    """The instrument behind every name that the feed's vendor is asked for."""
    return {name: engine.instruments[symbol] for name, symbol in asked(config, feed).items()}


def _names(watch: Watch) -> tuple[str, ...]:
    return (watch.symbol, watch.feed_symbol) if watch.feed_symbol else (watch.symbol,)


def _names_of_leg(config: Config, symbol: str) -> tuple[str, ...]:
    return next((_names(watch) for watch in config.watch if watch.symbol == symbol), (symbol,))


def _symbol(config: Config, leg: str) -> str:
    """What a leg is watched under: so, or as its vendor calls it; if it is not watched, its own name."""
    if any(watch.symbol == leg for watch in config.watch):
        return leg
    return next((watch.symbol for watch in config.watch if watch.feed_symbol == leg), leg)

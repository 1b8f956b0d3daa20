"""From the config to the engine and to the alerts' words: an engine for its watches, and its rules' names."""

from collections.abc import Sequence

from tapewatch.alerts.build import AlertBuilder, RuleText, SymbolText
from tapewatch.config import Config, Level, Watch, Zone
from tapewatch.engine.engine import Engine
from tapewatch.meaning import engine_watch


def engine(
    config: Config,
    *,
    tape_clocks: Sequence[bool] | None = None,
    keep_bars: bool = False,
    settles: bool = True,
) -> Engine:
    """An engine for every watch of the config; the watch's position is its row.

    Args:
        config: the config.
        tape_clocks: per feed; left out, one feed that lives by its tape: a replay.
        keep_bars: whether closed bars are wanted.
        settles: whether official daily bars will come; none do in a replay.
    """
    live = tape_clocks is not None
    watches = [engine_watch(config, watch, live=live, settles=settles) for watch in config.watch]
    return Engine(watches, tape_clocks or (True,), keep_bars=keep_bars)


def alert_builder(config: Config, of: Engine) -> AlertBuilder:
    """What turns the events of that engine into alerts."""
    return AlertBuilder(config.name, of.layouts, [symbol_text(watch) for watch in config.watch])


def symbol_text(watch: Watch) -> SymbolText:
    """The watch's words, its rules in the engine's order."""
    prices: list[Level | Zone] = [*watch.level, *watch.zone]
    texts = [RuleText(own.name, own.role, own.next, own.note, own.severity) for own in prices]
    texts += [RuleText(own.name, None, own.next, own.note, own.severity) for own in watch.condition]
    return SymbolText(watch.title or watch.symbol, tuple(texts))

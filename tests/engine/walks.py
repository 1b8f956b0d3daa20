"""A watch with a rule of every kind, and a random walk on which each of them fires."""

from hashlib import sha256

import numpy as np

from tapewatch.engine.events import Events
from tapewatch.engine.indicators import Value, parse_indicator
from tapewatch.engine.parts import (
    BarValue,
    Change,
    Compare,
    Crosses,
    Diverges,
    Enters,
    Event,
    Leaves,
    Moves,
    Previous,
    Price,
    State,
    Within,
)
from tapewatch.engine.watch import Band, ConditionRule, LevelRule, Watch, ZoneRule
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NS, empty_ticks

XNYS = sessions("XNYS")
MONDAY = XNYS.at(1769_400_000 * NS)  # 26 January 2026
INDICATORS = tuple(
    map(
        parse_indicator,
        ("rsi(14)", "sma(20)", "macd(12,26,9)", "bb(20,2)", "roc(5)", "vwap", "ema(9)", "atr(14)"),
    )
)
RSI, SMA, MACD, BB, ROC, VWAP, *_ = INDICATORS
TENTH = Band(0.001, "fraction")


def condition(name: str, event: Event | None, *states: State, **changes: object) -> ConditionRule:
    own: dict[str, object] = {"band": TENTH, "on": None} | changes
    return ConditionRule(name, event, states, **own)  # type: ignore[arg-type]


def watch(symbol: str = "SPX", feed: int = 0, **changes: object) -> Watch:
    rules = (
        LevelRule("round", 7000.0, TENTH, confirm="5m"),
        ZoneRule("zone", 6990.0, 6996.0, TENTH, confirm="1h"),
        condition("average", Crosses(Price(), None, Value(SMA, "", "1m"))),
        condition(
            "held",
            Crosses(Price(), "up", 7000.0),
            Compare(BarValue("volume", "1m"), ">", 10.0),
            lasting=90 * NS,
        ),
        condition("inside", Enters(Price(), 6996.0, 7004.0), band=Band(0.5, "atr")),
        condition(
            "band", Crosses(Price(), "up", Value(BB, ".upper", "5m")), frequency="once per bar", bar="5m"
        ),
        condition("outside", Leaves(Value(RSI, "", "1m"), 30.0, 70.0), on="1m"),
        condition("momentum", Crosses(Value(MACD, ".hist", "1m"), None, 0.0), on="1m"),
        condition("rally", None, Moves("up", 0.02, "5m"), frequency="once per bar", bar="5m"),
        condition(
            "near", None, Within(Price(), 0.05, True, Value(VWAP, "", "1d")), frequency="once per session"
        ),
        condition(
            "strong",
            None,
            Compare(Value(ROC, "", "5m"), ">", 0.01),
            Compare(Price(), ">=", Previous("close")),
            on="5m",
            lasting=600 * NS,
        ),
        condition("change", None, Compare(Change("15m"), "<", -0.01), hours=(10 * 3600 * NS, 15 * 3600 * NS)),
        condition("divergence", Diverges(Value(RSI, "", "1m"), "regular", None, True), on="1m"),
        condition("hidden", Diverges(Value(MACD, ".hist", "1m"), "hidden"), on="1m"),
    )
    own = {"rules": rules, "indicators": INDICATORS, "max_jump": 0.01, "feed": feed} | changes
    return Watch(symbol, XNYS, ("1m", "5m", "1h", "1d"), **own)  # type: ignore[arg-type]


def tape(n: int = 20_000, seed: int = 7, sessions_long: int = 3) -> np.ndarray:
    """A random walk around 7,000 over some sessions, a few ticks out of order, a few bad."""
    dice = np.random.default_rng(seed)
    ticks = empty_ticks(n)
    opens, closes = XNYS.opens[MONDAY:], XNYS.closes[MONDAY:]
    day = np.sort(dice.integers(0, sessions_long, n))
    ticks["time"] = np.sort(opens[day] + (dice.random(n) * (closes[day] - opens[day])).astype(np.int64))
    late = dice.integers(1, n, n // 50)
    ticks["time"][late] = ticks["time"][late - 1] - dice.integers(0, 90 * NS, len(late))
    ticks["price"] = np.round(7000 + np.cumsum(dice.normal(0, 0.6, n)), 2)
    ticks["price"][dice.integers(0, n, n // 200)] = np.nan
    bad = dice.integers(0, n, n // 200)
    ticks["price"][bad] *= 1.02
    ticks["size"] = dice.integers(1, 500, n)
    return ticks


def fired(parts: list[Events]) -> list[str]:
    """A digest of each event with its values: equal to the last bit or not at all."""
    return [
        sha256(row.tobytes() + own.tobytes()).hexdigest()[:12]
        for part in parts
        for row, own in zip(part.rows, part.values, strict=True)
    ]


WHOLE = tape()

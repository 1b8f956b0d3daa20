"""The benchmarks on tiny markets: every figure comes out, and a peer that does other work is found out.

No time is judged here. Left out: the start without a cache, which compiles for some fifteen seconds.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from talib import stream

import daemon_speed
import engine_speed
import memory
import picture_speed
import replay_speed
import startup
from figures import Figure, json_line, table, versions
from peers import agreement
from peers.handles import Handle, Handles, Touch
from peers.plain import Level
from tape import INDICATORS, build
from tapewatch.engine import compiled  # noqa: F401  fills numba's setting
from tapewatch.engine.indicators import Indicator
from tapewatch.market.ticks import NS

TINY = engine_speed.Size("3 symbols", 3, rate=4, rounds=2)


def test_all_peers_do_the_engine_s_work() -> None:
    engine_speed.verify()


def open_stream(indicator: Indicator, closes: NDArray[np.float64]) -> Handle:
    own = getattr(stream, indicator.kind.upper())(closes, *indicator.periods)
    return Handle(own.update, own.peek, own.value)


def test_a_peer_with_another_period_is_named() -> None:
    def open_shorter(indicator: Indicator, closes: NDArray[np.float64]) -> Handle:
        return open_stream(Indicator("sma", (49,)) if indicator.periods == (50,) else indicator, closes)

    with pytest.raises(agreement.DisagreementError, match=r"shorter, symbol 0, .*sma\(50\)@1m"):
        agreement.check([lambda market: Handles("shorter", market, open_shorter)])


def test_a_peer_that_never_closes_a_bar_is_named() -> None:
    def open_forming(indicator: Indicator, closes: NDArray[np.float64]) -> Handle:
        own = open_stream(indicator, closes)
        return Handle(own.peek, own.peek, own.value)

    with pytest.raises(agreement.DisagreementError, match=r"forming, symbol \d, after tick"):
        agreement.check([lambda market: Handles("forming", market, open_forming)])


def test_a_peer_whose_levels_have_no_band_is_named() -> None:
    def touches(levels: Iterable[float]) -> list[Touch]:
        own = [Level(price) for price in levels]
        for level in own:
            level.band = 0.0
        return [level.touch for level in own]

    with pytest.raises(agreement.DisagreementError, match="bare crosses other levels"):
        agreement.check([lambda market: Handles("bare", market, open_stream, touches=touches)])


def test_a_session_closes_the_bars_that_the_one_before_left_open() -> None:
    closes: list[float] = []

    def open_counting(indicator: Indicator, history: NDArray[np.float64]) -> Handle:
        return Handle(closes.append, open_stream(indicator, history).peek, 0.0)

    market = build(2, rate=5, rounds=2)
    peer = Handles("counting", market, open_counting)
    for ticks in market.rounds:
        peer.run(peer.prepare(ticks))
    minutes, others = 4 + 1 + 4, 1 + 1 + 1
    assert len(closes) == len(market.prices) * len(INDICATORS) * (minutes + others)


def test_the_engine_is_timed_beside_every_peer() -> None:
    found = engine_speed.measure(TINY, batches=(1, 16))
    peers = {"TA-Lib", "TA-Lib, 4", "wickra", "plain Python", "talipp"} | {
        opener.name for opener in engine_speed.compiled()
    }
    for name in ("engine, 3 symbols, one call per tick", "engine, 3 symbols, batches of 16"):
        assert {figure.peer for figure in found if figure.name == name} == peers
    assert peers == {figure.name.removesuffix(", 3 symbols") for figure in found if figure.peer is None}
    _check(found)


@pytest.mark.long
def test_the_whole_daemon_is_timed_beside_the_usual_script() -> None:
    found = daemon_speed.measure(daemon_speed.Rates({50: 4}, 1))
    assert [(figure.name, figure.peer) for figure in found] == [
        ("whole daemon, 50 ticks a frame", "usual script"),
        ("whole daemon, 50 ticks a frame", "usual script, all indicators"),
        ("usual script, 50 ticks a frame", None),
        ("usual script, all indicators, 50 ticks a frame", None),
    ]
    _check(found)


def test_replay_is_timed(tmp_path: Path) -> None:
    tape, history = tmp_path / "ticks.csv", tmp_path / "daily.csv"
    start = 1_381_239_000 * NS  # 8 October 2013, 09:30 in New York
    rows = [f"{start + i * NS},{165 + i / 100:.2f},100" for i in range(50)]
    tape.write_text("\n".join(["time_ns,price,size", *rows]) + "\n")
    history.write_text("date,open,high,low,close,volume\n2013-10-07,166,167,165,166,1000\n")
    _check(replay_speed.measure(tape, history, rounds=1))


def test_pictures_are_timed_beside_their_peer() -> None:
    found = picture_speed.measure(count=2)
    assert [figure.name for figure in found] == [
        "picture, p50",
        "picture, p95",
        "picture, size",
        "picture, start of the child",
    ]
    _check(found)


def test_memory_is_measured() -> None:
    found = memory.measure(symbols=50, ticks=1)
    _check([figure for figure in found if not figure.name.startswith("growth")])
    assert [figure.name for figure in found if figure.name.startswith("growth")] == [
        "growth over 1 ticks, 1 symbol",
        "growth over 1 ticks, 100 symbols",
    ]


def test_start_with_a_warm_cache_is_timed() -> None:
    import numba

    _check(startup.warm(numba.config.CACHE_DIR, rounds=1))


def _check(figures: list[Figure]) -> None:
    """Every figure says something, to programs and to people."""
    of = versions()
    for figure in figures:
        said = json.loads(json_line(figure, of))
        assert said["value"] > 0
        assert {"name", "value", "unit", "peer", "ratio", "versions"} <= said.keys()
        assert (said["ratio"] is None) == (said["peer"] is None)
        assert {"python", "tapewatch", "TA-Lib", "numba"} <= said["versions"].keys()
    console = Console(width=200, record=True)
    console.print(table(figures))
    shown = console.export_text()
    assert all(figure.name in shown for figure in figures)

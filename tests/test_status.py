"""What `status` says of a watch."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from rich.console import Console

from notify.receiver_servers import redis_server
from tapewatch.config import Config, Watch
from tapewatch.notify.silences import Silence, Silences
from tapewatch.status import Overview, read, status_of
from tapewatch.status_view import ago, indicator_table, ladder, show
from tapewatch.store.keys import Keys

NOW = {
    "price": "6961.25",
    "time": "2026-01-28T14:31:07.000000000Z",
    "time_ns": "1769610667000000000",
    "feed": "tape",
    "feed_state": "live",
    "rsi(14)@1h": "58.44",
    "rsi(14)@1d": "59.7",
    "macd(12,26,9).hist@1d": "0.042",
    "sma(50)@1d": "6870.504",
}

WATCH = Watch.model_validate(
    {
        "symbol": "SPX",
        "title": "S&P 500",
        "level": [
            {"name": "breakout", "price": 7000.0, "role": "breakout"},
            {"name": "support [old]", "price": 6790.0, "role": "support"},
        ],
        "zone": [
            {"name": "resistance", "low": 6950.0, "high": 6970.0},
            {"name": "target", "low": 7100.0, "high": 7200.0},
        ],
        "condition": [
            {"name": "50-day average", "when": "price crosses sma(50)@1d"},
            {"name": "200-day average", "when": "price crosses sma(200)@1d"},
            {"name": "half", "when": "price crosses below 6900"},
            {"name": "strong half", "when": "price crosses 6900 and rsi(14)@1d > 50"},
            {"name": "pullback", "when": "price enters 6800 to 6850"},
            {"name": "overbought", "when": "rsi(14)@1d crosses above 70"},
            {"name": "rally", "when": "price up 1.5% in 30m"},
        ],
    }
)


def printed(*what: Any, width: int = 100) -> list[str]:
    console = Console(width=width, highlight=False)
    with console.capture() as capture:
        for each in what:
            console.print(each)
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_distance_is_how_far_price_has_to_go() -> None:
    distances = {each["name"]: each["distance"] for each in status_of(WATCH, NOW)["levels"]}
    assert distances == {
        "breakout": 38.75,
        "support [old]": -171.25,
        "resistance": 0.0,
        "target": 138.75,
        "50-day average": pytest.approx(-90.746),
        "half": -61.25,
        "strong half": -61.25,
        "pullback": -111.25,
    }
    above = status_of(WATCH, NOW | {"price": "7250"})
    assert {each["name"]: each["distance"] for each in above["levels"]}["target"] == -50


def test_the_price_stands_where_it_is_among_the_levels() -> None:
    rows = printed(ladder(status_of(WATCH, NOW), roles=True, percents=True))
    assert [row.split() for row in rows] == [
        ["7,100–7,200", "target", "+138.75", "+1.99%"],
        ["7,000", "breakout", "breakout", "+38.75", "+0.56%"],
        ["6,950–6,970", "resistance", "inside", "+0.00%"],
        ["▶", "6,961.25", "price"],
        ["6,900", "half", "-61.25", "-0.88%"],
        ["6,900", "strong", "half", "-61.25", "-0.88%"],
        ["6,870.50", "50-day", "average", "-90.75", "-1.30%"],
        ["6,800–6,850", "pullback", "-111.25", "-1.60%"],
        ["6,790", "support", "[old]", "support", "-171.25", "-2.46%"],
    ]


def test_timeframes_that_have_no_room_side_by_side_stand_one_below_the_other() -> None:
    frames = ("1m", "5m", "15m", "1h", "1d")
    more = {f"sma(200)@{frame}": f"{99_898.69 + i}" for i, frame in enumerate(frames)}
    console = Console(width=40, highlight=False)
    with console.capture() as capture:
        show(Overview([status_of(WATCH, NOW | more)], {}, None), console)
    shown = capture.get()
    cells = [own for line in shown.splitlines() if line.startswith("SMA(200)") for own in line.split()[1:]]
    assert cells == [f"{99_898.69 + i:,.2f}" for i in range(len(frames))]
    assert "58.4" in shown


def test_what_a_level_is_to_the_market_is_left_out_before_names_are_cut() -> None:
    for width, shown in ((50, "  7,000  breakout            "), (60, "  7,000  breakout         breakout")):
        console = Console(width=width, highlight=False)
        with console.capture() as capture:
            show(Overview([status_of(WATCH, NOW)], {}, None), console)
        (row,) = [line for line in capture.get().splitlines() if "breakout" in line]
        assert shown.split() == row.split()[:-2]
        assert "50-day average" in capture.get()


@pytest.mark.parametrize("width", [40, 46])
def test_on_a_narrow_terminal_names_are_cut_and_numbers_are_not(width: int) -> None:
    wide = printed(ladder(status_of(WATCH, NOW), roles=True, percents=True))
    rows = printed(ladder(status_of(WATCH, NOW), roles=True, percents=True), width=width)
    assert [re.findall(r"[+-]?[\d,.]+%?", row.replace("-day", "")) for row in rows] == [
        re.findall(r"[+-]?[\d,.]+%?", row.replace("-day", "")) for row in wide
    ]
    assert any("…" in row for row in rows)


def test_before_the_first_tick_the_levels_stand_alone() -> None:
    status = status_of(WATCH, {})
    assert (status["price"], status["exchange_time"], status["indicators"]) == (None, None, {})
    assert printed(ladder(status, roles=False, percents=False)) == [
        "7,100–7,200  target",
        "      7,000  breakout",
        "6,950–6,970  resistance",
        "      6,900  half",
        "      6,900  strong half",
        "6,800–6,850  pullback",
        "      6,790  support [old]",
    ]
    assert "no price yet" in printed_status(status)


def test_indicators_stand_by_their_timeframes() -> None:
    assert printed(indicator_table(status_of(WATCH, NOW)["indicators"])) == [
        "                           1h        1d",
        "RSI(14)                  58.4      59.7",
        "MACD(12,26,9) histogram           0.042",
        "SMA(50)                        6,870.50",
    ]
    assert printed(indicator_table(status_of(WATCH, NOW)["indicators"], 1))[0].split() == ["1d"]


def test_values_of_one_indicator_stand_below_each_other() -> None:
    values = {
        "macd(12,26,9)@5m": "3.4",
        "macd(12,26,9).signal@5m": "3.1",
        "bb(20,2.5).upper@1h": "7010.1",
        "bb(20,2.5).middle@1h": "6980",
        "bb(20,2.5).lower@1h": "6950",
        "vwap@5m": "6985.2",
        "roc(10)@1h": "-0.5",
    }
    assert printed(indicator_table(status_of(WATCH, values)["indicators"])) == [
        "                        5m        1h",
        "MACD(12,26,9)          3.4",
        "  signal               3.1",
        "BB(20,2.5) upper            7,010.10",
        "  middle                    6,980.00",
        "  lower                     6,950.00",
        "VWAP              6,985.20",
        "ROC(10)                       -0.50%",
    ]


def printed_status(status: dict[str, Any]) -> str:
    console = Console(width=100, highlight=False)
    with console.capture() as capture:
        show(Overview([status], {}, None), console)
    return capture.get()


def test_a_status_names_symbol_price_exchange_time_and_feed() -> None:
    text = printed_status(status_of(WATCH, NOW))
    assert text.startswith("S&P 500  6,961.25  Wed 28 Jan 2026 09:31:07 EST\nfeed tape: live\n")


def test_the_last_price_of_a_small_currency_has_its_digits() -> None:
    watch = Watch.model_validate({"symbol": "EURUSD", "level": [{"name": "par", "price": 1.0845}]})
    status = status_of(watch, {"price": "1.0833", "time_ns": "1769610667000000000"})
    assert printed(ladder(status, roles=False, percents=True)) == [
        "  1.0845  par    +0.0012  +0.11%",
        "▶ 1.0833  price",
    ]


def test_a_change_over_a_span_stands_beside_the_price() -> None:
    text = printed_status(status_of(WATCH, NOW | {"change(30m)": "1.5203", "change(2h)": "-0.4"}))
    assert text.startswith("S&P 500  6,961.25  +1.52% in 30m  -0.40% in 2h  Wed 28 Jan 2026")
    assert "change" not in text


def shown(**more: Any) -> list[str]:
    console = Console(width=120, highlight=False)
    with console.capture() as capture:
        show(Overview([status_of(WATCH, NOW) | more], {}, None), console)
    return capture.get().splitlines()


def test_the_age_of_the_price_stands_beside_its_time() -> None:
    assert shown(age_s=7.4)[0].endswith("09:31:07 EST  7 s ago")
    assert shown(age_s=None)[0].endswith("09:31:07 EST")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s ago"),
        (119.9, "119 s ago"),
        (120, "2 min ago"),
        (7199, "119 min ago"),
        (7200, "2 h ago"),
        (172_800, "2 days ago"),
    ],
)
def test_an_age_is_as_coarse_as_it_is_long(seconds: float, told: str) -> None:
    assert ago(seconds) == told


def test_a_feed_that_is_not_well_is_marked_by_more_than_colour() -> None:
    assert shown(feed_state="waiting")[1] == "✗ feed tape: waiting"
    assert (
        shown(feed_state="subscribed", lag_s=4.26)[1] == "✗ feed tape: subscribed, its ticks are 4.3 s late"
    )
    assert shown(feed_state="subscribed", lag_s=0.2)[1] == "feed tape: subscribed"


def test_on_a_wide_terminal_levels_and_indicators_stand_side_by_side() -> None:
    console = Console(width=140, force_terminal=True, color_system=None, highlight=False)
    with console.capture() as capture:
        show(Overview([status_of(WATCH, NOW)], {}, None), console)
    assert any("breakout" in line and "RSI(14)" in line for line in capture.get().splitlines())


async def test_redis_says_who_leads_and_what_is_silenced(tmp_path: Path) -> None:
    """With a price of a wall-clock feed, which has an age."""
    (tmp_path / "r").mkdir()
    watches = [{"symbol": symbol, "feed_symbol": symbol} for symbol in ("BTC/USD", "ETH/USD")]
    async with redis_server(tmp_path / "r") as path, Redis(unix_socket_path=str(path)) as redis:
        config = Config.model_validate(
            {
                "name": "test",
                "ha": True,
                "redis": {"url": f"unix://{path}"},
                "feed": [{"name": "btc", "vendor": "kraken"}],
                "watch": watches,
            }
        )
        keys, now = Keys("test"), time.time_ns()
        await redis.set(keys.lease, "nyc-1")
        await redis.hset(keys.now("BTC/USD"), mapping={"price": "1", "time_ns": str(now - 5 * 10**9)})
        silences = Silences(redis, keys.silences)
        for id_, symbol, until in (
            ("a", "BTC*", now + 10**12),
            ("b", None, now + 10**12),
            ("c", None, now - 1),
        ):
            own = Silence(
                id=id_, symbol=symbol, since_ns=0, until_ns=until, by="ann", why="lunch", rule="dip"
            )
            await silences.add(own)

        found = await read(config)
        assert found.leader == "nyc-1"
        assert [own["silences"] for own in found.watches] == [["a", "b"], ["b"]]
        assert 5 <= found.watches[0]["age_s"] < 60
        assert found.watches[1]["age_s"] is None
        assert [own["symbol"] for own in (await read(config, "ETH*")).watches] == ["ETH/USD"]

    console = Console(width=100, highlight=False)
    with console.capture() as capture:
        show(found, console)
    assert "silenced: rule dip until" in capture.get()
    assert "  ann: lunch" in capture.get()
    assert capture.get().rstrip().endswith("leads: nyc-1")

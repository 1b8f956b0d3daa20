"""A tape on which every figure was worked out by hand, and what a backtest says of it.

Two ticks a minute from 09:30 on, at :00 and :30; the second is the minute's close. The level is 100, its band 2:

    09:31:30  101   up                      09:38:30   99.9  down
    09:33:30   99   down                    09:39:30  103    up
    09:35:00        confirmed (99.5)        09:40:00         confirmed (103)
    09:36:00  101   up                      09:40:30   90    down
                                            09:41:00  102    up
                                            09:43:00   99    down
                                            09:45:00         failed (101)
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

import test_recorded
from tapewatch.backtest.figures import Figures, RuleFigures, TypeFigures
from tapewatch.backtest.run import Backtest, NothingToTestError
from tapewatch.backtest.tally import tally
from tapewatch.check import load

MINUTES = [
    (98, 99),
    (99, 101),
    (103, 102),
    (100.5, 99),
    (100.5, 99.5),
    (97, 97),
    (101, 104),
    (105, 106),
    (104, 99.9),
    (101, 103),
    (100, 90),
    (102, 101),
    (101, 101),
    (99, 99),
    (100, 101),
    *[(101, 101)] * 12,
]

CONFIG = """
name = "test"

[[watch]]
symbol = "X"
timeframes = ["1m"]
indicators = ["sma(2)"]
rearm = 2
max_jump = "off"

[[watch.level]]
name = "hundred"
price = 100
confirm = "5m"

[[watch.level]]
name = "far"
price = 200

[[watch.zone]]
name = "low"
low = 60
high = 80

[[watch.condition]]
name = "average"
when = "sma(2)@1m crosses above 120 and close@1m > 103"

[[watch.condition]]
name = "long average"
when = "price crosses sma(500)@1m"
"""


def tape(minutes: list[tuple[float, float]], day: str = "2026-01-28T14:30:00+00:00") -> str:
    """CSV of two ticks a minute from 09:30 in New York."""
    first = datetime.fromisoformat(day)
    lines = [
        f"{(first + timedelta(minutes=minute, seconds=30 * half)).isoformat()},{price}"
        for minute, pair in enumerate(minutes)
        for half, price in enumerate(pair)
    ]
    return "\n".join(["time,price", *lines, ""])


def run(folder: Path, config: str, *tapes: str, symbol: str | None = None) -> Figures:
    """The figures of files with these texts."""
    (folder / "config.toml").write_text(dedent(config))
    files = [folder / f"tape-{number}.csv" for number in range(len(tapes))]
    for file, text in zip(files, tapes, strict=True):
        file.write_text(text)
    return tally(Backtest(load(folder / "config.toml"), files, symbol=symbol).run())


@pytest.fixture
def rules(tmp_path: Path) -> dict[str, RuleFigures]:
    """The figures of the tape above, by rule."""
    (watch,) = run(tmp_path, CONFIG, tape(MINUTES)).watches
    return {rule.rule: rule for rule in watch.rules}


def of_type(rule: RuleFigures, name: str, direction: str) -> TypeFigures:
    (found,) = (own for own in rule.types if (own.type, own.direction) == (name, direction))
    return found


def test_how_often_it_fired(rules: dict[str, RuleFigures]) -> None:
    own = rules["hundred"]
    assert [(each.type, each.direction, each.alerts) for each in own.types] == [
        ("level.crossed_up", "up", 4),
        ("level.crossed_down", "down", 4),
        ("level.confirmed", "up", 1),
        ("level.confirmed", "down", 1),
        ("level.failed", "down", 1),
    ]
    assert own.alerts == 11
    assert own.per_session.mean == own.per_session.most == 11
    assert own.per_session.most_on == "2026-01-28"
    assert own.hours == {"09:30": 11}


def test_what_became_of_the_breakouts(rules: dict[str, RuleFigures]) -> None:
    up = of_type(rules["hundred"], "level.crossed_up", "up").followed
    down = of_type(rules["hundred"], "level.crossed_down", "down").followed
    assert up is not None
    assert down is not None
    assert (up.confirmed, up.failed, up.neither) == (1, 0, 3)
    assert (down.confirmed, down.failed, down.neither) == (1, 1, 2)
    assert of_type(rules["hundred"], "level.failed", "down").followed is None


def test_what_the_band_saved(rules: dict[str, RuleFigures]) -> None:
    """Without it also: up 100.5 and down 99.5 at 09:34, up 101 at 09:39:00 (not 103), up 100 at 09:44."""
    band = rules["hundred"].rearm
    assert band is not None
    assert (band.band, band.fired, band.without, band.saved) == ("2 points", 8, 11, 3)


def test_what_price_did_after_it(rules: dict[str, RuleFigures]) -> None:
    own = rules["hundred"]
    assert (own.timeframe, own.why, own.own_timeframe) == ("1m", "own_too_few", "5m")
    one, five, twenty = of_type(own, "level.crossed_up", "up").after

    def percent(*shares: float) -> float:
        return round(100 * sum(shares) / len(shares), 6)

    assert (one.n, one.apart, one.in_favour) == (4, 4, 0.5)
    assert one.mean == percent(1 / 101, 3 / 101, -13 / 103, -1 / 102)
    assert one.median == percent(1 / 101, -1 / 102)
    assert (five.n, five.apart, five.in_favour) == (4, 2, 0.25)
    assert five.mean == percent(3 / 101, -11 / 101, -2 / 103, -1 / 102)
    assert (twenty.n, twenty.apart, twenty.in_favour, twenty.mean) == (2, 1, 0, 0)

    one, five, twenty = of_type(own, "level.crossed_down", "down").after
    assert (one.n, one.in_favour) == (4, 0)
    assert one.mean == percent(-0.5 / 99, -3.1 / 99.9, -11 / 90, 0)
    assert five.mean == percent(-0.9 / 99, 0.9 / 99.9, -11 / 90, -2 / 99)
    assert (twenty.n, twenty.mean) == (1, percent(-2 / 99))


def test_how_far_price_went(rules: dict[str, RuleFigures]) -> None:
    up = of_type(rules["hundred"], "level.crossed_up", "up").excursions
    down = of_type(rules["hundred"], "level.crossed_down", "down").excursions
    assert up is not None
    assert down is not None
    assert (up.n, down.n) == (2, 1)
    assert up.favourable_mean == up.favourable_most == round(500 / 101, 6)
    assert up.adverse_mean == up.adverse_most == round(-1100 / 101, 6)
    assert (down.favourable_median, down.adverse_median) == (round(900 / 99, 6), round(-700 / 99, 6))


def test_how_near_those_came_that_never_fired(rules: dict[str, RuleFigures]) -> None:
    (far,) = rules["far"].nearest
    assert (far.value, far.beside, far.distance) == (106, 200, 94)
    assert far.time == "2026-01-28T14:38:00.000000000Z"
    (low,) = rules["low"].nearest
    assert (low.value, low.beside, low.distance) == (90, 80, 10)
    crossed, held = rules["average"].nearest
    assert (crossed.part, crossed.value, crossed.distance) == ("sma(2)@1m crosses above 120", 105, 15)
    assert (held.part, held.held, held.bars, held.distance) == ("close@1m > 103", 2, 26, 0)
    (never,) = rules["long average"].nearest
    assert (never.value, never.distance, never.time, never.bars) == (None, None, None, 0)
    assert all(rules[name].alerts == 0 and not rules[name].types for name in ("far", "low", "average"))


def test_what_price_did_anyway(tmp_path: Path) -> None:
    (watch,) = run(tmp_path, CONFIG, tape([(100, 100), (100, 110), (100, 99), (1, 1)])).watches
    one, five, _ = watch.any_bar["1m"]
    assert (one.n, one.mean, one.rose) == (2, 0, 0.5)
    assert (five.n, five.mean, five.rose) == (0, None, None)


def test_sessions_without_an_alert_count(tmp_path: Path) -> None:
    second = tape([(101, 101)] * 3, "2026-01-29T14:30:00+00:00")
    (watch,) = run(tmp_path, CONFIG, tape(MINUTES[:4]), second).watches
    assert (watch.sessions, watch.first, watch.last) == (2, "2026-01-28", "2026-01-29")
    own = watch.rules[0].per_session
    assert (own.mean, own.most, own.most_on, own.sessions) == (1.5, 3, "2026-01-28", 1)  # up, down, confirmed


def test_what_fires_at_the_close_belongs_to_the_session_that_closes(tmp_path: Path) -> None:
    config = """
    name = "test"
    [[watch]]
    symbol = "X"
    calendar = "24/7"
    timeframes = ["1h"]
    indicators = []
    rearm = 0
    max_jump = "off"
    [[watch.condition]]
    name = "high"
    when = "close@1h > 100"
    """
    hours = [(f"2026-01-28T{hour:02}:00:00Z", 99 if hour < 23 else 101) for hour in range(20, 24)]
    hours.append(("2026-01-29T00:00:00Z", 101))
    (watch,) = run(
        tmp_path, config, "time,price\n" + "".join(f"{time},{price}\n" for time, price in hours)
    ).watches
    (rule,) = watch.rules
    assert (rule.alerts, rule.per_session.most_on) == (1, "2026-01-28")
    assert rule.hours == {"00:00": 1}
    assert rule.rearm is None


def test_an_own_timeframe_with_enough_bars_is_the_measure(tmp_path: Path) -> None:
    (watch,) = run(tmp_path, CONFIG, tape([*MINUTES, *[(101, 101)] * 90])).watches
    own = watch.rules[0]
    assert (own.timeframe, own.why) == ("5m", "confirm")
    one = of_type(own, "level.crossed_up", "up").after[0]
    # Those of 09:31:30, 09:36:00, 09:39:30 and 09:41:00; closes of 09:35–40, 09:40–45, 09:40–45 and 09:45–50.
    wanted = sorted(100 * own for own in (2 / 101, 0, -2 / 103, -1 / 102))
    assert one.mean == round(sum(wanted) / 4, 6)
    assert one.median == round((wanted[1] + wanted[2]) / 2, 6)
    assert (one.n, one.apart) == (4, 3)


def test_a_level_is_measured_in_the_shortest_bars_that_the_files_give(tmp_path: Path) -> None:
    first = datetime(2026, 1, 28, 14, 30, tzinfo=UTC)
    rows = [f"{(first + timedelta(minutes=5 * i)).isoformat()},{99 + 2 * (i == 3)}" for i in range(30)]
    (watch,) = run(
        tmp_path, CONFIG.replace('confirm = "5m"', ""), "\n".join(["time,close", *rows, ""])
    ).watches
    assert watch.bars == {"1m": 0}
    assert watch.rules[0].timeframe is None
    assert [each.n for each in watch.rules[0].types[0].after] == [0, 0, 0]

    (watch,) = run(tmp_path, CONFIG, "\n".join(["time,close", *rows, ""])).watches
    assert (watch.rules[0].timeframe, watch.rules[0].why) == ("5m", "confirm")


def test_a_band_in_true_ranges_goes_too(tmp_path: Path) -> None:
    """History is for the daily bars that only the band needed: it has to fit without the band as well."""
    history = tmp_path / "daily.csv"
    history.write_text("date,close\n2026-01-26,98\n2026-01-27,98\n")
    config = CONFIG.replace("rearm = 2", 'rearm = "5 atr"\nhistory = ["daily.csv"]')
    (watch,) = run(tmp_path, config, tape(MINUTES)).watches
    band = watch.rules[0].rearm
    assert band is not None
    assert (band.band, band.without) == ("5 atr", 11)


def test_a_watch_of_which_the_files_have_nothing_is_named(tmp_path: Path) -> None:
    other = CONFIG.replace('symbol = "X"', 'symbol = "Y"').split("\n\n", 1)[1]
    found = run(tmp_path, CONFIG + other, tape(MINUTES), symbol="X")
    assert [watch.symbol for watch in found.watches] == ["X"]
    assert found.notes == ["the files have nothing of Y in its hours: its rules were not tested"]


def test_files_with_nothing_to_test_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(NothingToTestError, match=r"tape-0\.csv: nothing of X in its hours"):
        run(tmp_path, CONFIG, tape(MINUTES, "2026-01-28T06:30:00+00:00"))


def test_a_recording_is_tested_as_it_is_replayed(tmp_path: Path) -> None:
    own, events = test_recorded.config(tmp_path), test_recorded.day()
    paths = test_recorded.record(tmp_path / "r", events, largest=50_000)
    assert len(paths) > 1
    test = Backtest(own, paths)
    assert test.steps is None
    past = test.run()
    assert past.alerts == test_recorded.replayed(own, paths)
    found = tally(past)
    assert sum(rule.alerts for rule in found.watches[0].rules) == found.alerts == len(past.alerts) > 50
    band = found.watches[0].rules[0].rearm
    assert band is not None
    assert band.without > band.fired > 0
    assert [watch.symbol for watch in found.watches] == ["SPX"]


def test_a_recording_without_a_tick_is_an_error(tmp_path: Path) -> None:
    paths = test_recorded.record(tmp_path / "r", [(test_recorded.OPEN, "connected", b"")])
    with pytest.raises(NothingToTestError, match=r"\.frames\.gz: no tick in it, so nothing of SPX, SPY"):
        Backtest(test_recorded.config(tmp_path), paths)

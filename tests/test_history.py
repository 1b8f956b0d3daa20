"""History from files: which bars warm which symbol and timeframe."""

from pathlib import Path

import pytest

from tapewatch.check import load
from tapewatch.history import HistoryError
from tapewatch.replay import Replay, ReplayError

DAYS = ["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-05"]


def replay(folder: Path, *symbols: str, timeframes: str = '"1m", "1d"', more: str = "") -> Replay:
    """A replay of watches of these symbols with an average over four bars."""
    watch = '[[watch]]\nsymbol = "{}"\ntimeframes = [{}]\nindicators = ["sma(4)"]\n{}\n'
    config = folder / "watch.toml"
    config.write_text('name = "t"\n' + "".join(watch.format(symbol, timeframes, more) for symbol in symbols))
    return Replay(load(config))


def write(folder: Path, name: str, *rows: str, header: str = "date,close") -> Path:
    path = folder / name
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def average(own: Replay, row: int = 0) -> float:
    return own.engine.values(row)["sma(4)@1d"]


def test_several_files_of_one_timeframe_are_read_as_one(tmp_path: Path) -> None:
    later = write(
        tmp_path, "later.csv", *(f"{day},{price}" for day, price in zip(DAYS[2:], (94, 96), strict=True))
    )
    earlier = write(
        tmp_path, "early.csv", *(f"{day},{price}" for day, price in zip(DAYS[:3], (90, 92, 94), strict=True))
    )
    own = replay(tmp_path, "S")
    own.warm([], [later, earlier])
    assert average(own) == (90 + 92 + 94 + 96) / 4


def test_a_file_for_each_symbol_warms_each(tmp_path: Path) -> None:
    files = [
        write(
            tmp_path,
            f"{symbol}.csv",
            *(f"{day},{price},{symbol}" for day in DAYS),
            header="date,close,symbol",
        )
        for symbol, price in (("A", 10), ("B", 20))
    ]
    own = replay(tmp_path, "A", "B")
    own.warm([], files)
    assert (average(own, 0), average(own, 1)) == (10, 20)


def test_history_without_a_symbol_is_nobodys_where_several_are_watched(tmp_path: Path) -> None:
    file = write(tmp_path, "days.csv", *(f"{day},10" for day in DAYS))
    with pytest.raises(ReplayError, match="--symbol"):
        replay(tmp_path, "A", "B").warm([], [file])
    own = replay(tmp_path, "A", "B")
    own.warm([], [file], symbol="B")
    assert own.engine.last(0)[0] == 0
    assert average(own, 1) == 10


@pytest.mark.parametrize("name", ["S", "I:S"])
def test_history_may_call_the_symbol_what_the_vendor_calls_it(tmp_path: Path, name: str) -> None:
    file = write(tmp_path, "days.csv", *(f"{day},10,{name}" for day in DAYS), header="date,close,symbol")
    own = replay(tmp_path, "S", more='feed_symbol = "I:S"')
    own.warm([], [file])
    assert average(own) == 10


def test_bars_that_build_no_timeframe_of_the_watch_are_a_mistake(tmp_path: Path) -> None:
    file = write(tmp_path, "days.csv", *(f"{day},10" for day in DAYS))
    with pytest.raises(HistoryError, match=r"its bars are 1d, of which none .* \(1m\) can be built"):
        replay(tmp_path, "S", timeframes='"1m"').warm([], [file])


def test_sale_conditions_are_skipped_for_the_watch_that_says_so(tmp_path: Path) -> None:
    tape = write(
        tmp_path,
        "tape.csv",
        "2024-07-10T09:30:00-04:00,10,A,X",
        "2024-07-10T09:30:00-04:00,20,B,X",
        header="time,price,symbol,conditions",
    )
    own = replay(tmp_path, "A", "B")
    watches = own.config.watch
    watches[0] = watches[0].model_copy(update={"skip_conditions": ["X"]})
    for _ in own.run(own.read([tape])):
        pass
    assert [own.engine.last(row)[0] for row in (0, 1)] == [0, 20]


LEGS = [
    f"{day},{price},{symbol}"
    for day, prices in zip(DAYS, ((10, 40), (12, 40), (12, 48), (16, 40)), strict=True)
    for symbol, price in zip(("XLC", "SPY"), prices, strict=True)
]
"""Of the ratio: 0.25, 0.3, 0.25, 0.4."""
WITH_SYMBOL = "date,close,symbol"


def test_a_composite_is_warmed_by_its_legs(tmp_path: Path) -> None:
    file = write(tmp_path, "days.csv", *LEGS, header=WITH_SYMBOL)
    own = replay(tmp_path, "XLC/SPY", "SPY")
    own.warm([], [file])
    assert average(own) == pytest.approx((0.25 + 0.3 + 0.25 + 0.4) / 4, rel=1e-15)
    assert average(own, 1) == (40 + 40 + 48 + 40) / 4


def test_the_legs_may_stand_in_files_of_their_own(tmp_path: Path) -> None:
    files = [
        write(tmp_path, f"{leg}.csv", *(row for row in LEGS if row.endswith(leg)), header=WITH_SYMBOL)
        for leg in ("XLC", "SPY")
    ]
    more = f"history = {[str(file) for file in files]}"
    own = replay(tmp_path, "XLC/SPY", more=more)
    own.warm([], [])
    assert average(own) == pytest.approx(0.3, rel=1e-15)


def test_a_leg_may_be_called_what_its_vendor_calls_it(tmp_path: Path) -> None:
    file = write(tmp_path, "days.csv", *(row.replace("XLC", "I:S") for row in LEGS), header=WITH_SYMBOL)
    watch = '[[watch]]\nsymbol = "{}"\ntimeframes = ["1d"]\nindicators = ["sma(4)"]\n'
    config = tmp_path / "watch.toml"
    config.write_text(f'name = "t"\n{watch.format("S/SPY")}{watch.format("S")}feed_symbol = "I:S"\n')
    own = Replay(load(config))
    own.warm([], [file])
    assert average(own) == pytest.approx(0.3, rel=1e-15)


def test_a_file_without_a_symbol_holds_the_composite_itself(tmp_path: Path) -> None:
    file = write(tmp_path, "days.csv", *(f"{day},0.5" for day in DAYS))
    own = replay(tmp_path, "XLC/SPY", more=f"history = [{str(file)!r}]")
    own.warm([], [])
    assert average(own) == 0.5


def test_the_composites_own_bars_come_before_those_of_its_legs(tmp_path: Path) -> None:
    rows = [*LEGS, f"{DAYS[0]},0.65,XLC/SPY"]
    own = replay(tmp_path, "XLC/SPY")
    own.warm([], [write(tmp_path, "days.csv", *rows, header=WITH_SYMBOL)])
    assert average(own) == pytest.approx((0.65 + 0.3 + 0.25 + 0.4) / 4, rel=1e-15)


def test_bars_that_end_after_the_tapes_first_tick_are_counted_once(tmp_path: Path) -> None:
    tape = write(tmp_path, "tape.csv", "2024-07-03T09:30:00-04:00,10,XLC", header="time,price,symbol")
    own = replay(tmp_path, "XLC/SPY")
    left_out = own.warm(own.read([tape]), [write(tmp_path, "days.csv", *LEGS, header=WITH_SYMBOL)])
    assert left_out == 2


@pytest.mark.parametrize(
    ("symbol", "rows", "wanted"),
    [
        (
            "XLC/SPY",
            [row for row in LEGS if "XLC" in row],
            "XLC/SPY, nor any of XLC and SPY that begin together",
        ),
        ("XLC/SPY", [LEGS[0], LEGS[3]], "XLC/SPY, nor any of XLC and SPY that begin together"),
        ("QQQ", LEGS, "QQQ"),
    ],
)
def test_a_watchs_own_history_that_has_nothing_of_it_is_a_mistake(
    tmp_path: Path, symbol: str, rows: list[str], wanted: str
) -> None:
    file = write(tmp_path, "days.csv", *rows, header=WITH_SYMBOL)
    with pytest.raises(HistoryError) as said:
        replay(tmp_path, symbol, more=f"history = [{str(file)!r}]").warm([], [])
    assert str(said.value) == f"{file}: no bars of {wanted}"
    replay(tmp_path, symbol).warm([], [file])  # --history may hold what is for other watches

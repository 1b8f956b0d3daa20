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

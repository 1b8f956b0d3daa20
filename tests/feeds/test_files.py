import gzip
import math
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from tapewatch.feeds.files import FileError, Tape, is_bars, read_bars, read_ticks
from tapewatch.market.sessions import sessions
from tapewatch.market.ticks import NO_ID, NOT_LAST, NS, UNKNOWN_SYMBOL

DATA = Path(__file__).resolve().parents[2] / "../shared/data"
NEW_YORK = sessions("XNYS")
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the market data of ../shared/data is not here")


@pytest.fixture
def file(tmp_path):
    def write(text: str | bytes, name: str = "tape.csv") -> Path:
        path = tmp_path / name
        data = text.encode() if isinstance(text, str) else text
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * NS


def times(tape: Tape) -> list[int]:
    return tape.time.tolist()


# Ticks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tape.csv", "tape.csv.gz"])
def test_time_ns_and_price_are_exact(file, name):
    tape = read_ticks(file("time_ns,price\n1769610667123456789,7000.1\n9223372036854775807,0.1\n", name))
    assert times(tape) == [1769610667123456789, 9223372036854775807]
    assert tape.price.tolist() == [7000.1, 0.1]
    assert tape.size.tolist() == [0.0, 0.0]
    assert (tape.symbols, tape.conditions) == ([], [])


def test_iso_times_are_read_to_the_nanosecond_in_any_offset(file):
    tape = read_ticks(
        file(
            "time,price\n"
            "2026-01-28T14:31:07.123456789Z,1\n"
            "2026-01-28T09:31:07.5-05:00,1\n"
            "2026-01-28 15:31+0100,1\n"
            "1969-12-31T23:59:59.999999999+00:00,1\n"
        )
    )
    second = ns("2026-01-28T14:31:07+00:00")
    assert times(tape) == [second + 123456789, second + 500_000_000, second - 7 * NS, -1]


@pytest.mark.parametrize("quote", ["", '"'])
def test_numbers_are_the_floats_nearest_to_their_digits(file, quote):
    written = [
        "6949.1234567890123456789",
        "1e-320",
        "0.1",
        "123456789012345678",
        "2.5e3",
        "+7000",
        "9007199254740993",
    ]
    tape = read_ticks(file("time_ns,price\n" + "".join(f"1,{quote}{text}{quote}\n" for text in written)))
    assert tape.price.tolist() == [float(text) for text in written]


def test_columns_stand_in_any_order_and_others_are_ignored(file):
    tape = read_ticks(file("venue,size,price,time_ns,symbol,venue\nx,200,7000,5,SPX,y\n"))
    assert (times(tape), tape.price[0], tape.size[0], tape.symbols) == ([5], 7000.0, 200.0, ["SPX"])


def test_wild_prices_and_times_out_of_order_are_left_to_the_engine(file):
    tape = read_ticks(file("time_ns,price\n9,nan\n3,-5\n7,inf\n7,0\n"))
    assert times(tape) == [9, 3, 7, 7]
    assert math.isnan(tape.price[0])
    assert tape.price[1:].tolist() == [-5.0, math.inf, 0.0]


@pytest.mark.parametrize(
    "text",
    [
        "time_ns,price,symbol\r\n1,7000.25,SPX\r\n2,7001,SPY\r\n",
        "\ufefftime_ns,price,symbol\n1,7000.25,SPX\n2,7001,SPY",
        '"time_ns","price","symbol"\n"1","7000.25","SPX"\n2,7001,SPY\n',
        " time_ns, price,symbol\n1, 7000.25,SPX\n\n2,7001,SPY\n\n\n",
    ],
    ids=["CRLF", "byte order mark, no newline at the end", "quotes", "spaces and blank lines"],
)
def test_the_dialects_spreadsheets_write(file, text):
    tape = read_ticks(file(text))
    assert times(tape) == [1, 2]
    assert tape.price.tolist() == [7000.25, 7001.0]
    assert [tape.symbols[code] for code in tape.symbol_codes] == ["SPX", "SPY"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("time_ns,price\n1,7000\n2,seven\n", 3, "column 'price': 'seven' is no number"),
        ("time_ns,price\n1,7000\n2,\n", 3, "column 'price': '' is no number"),
        ("time_ns,price\n1,7_000\n", 2, "column 'price': '7_000' is no number"),
        ("time_ns,price\n1,7000\n\n2.5,7000\n", 4, "column 'time_ns': '2.5' is no whole number"),
        ("time_ns,price\n9223372036854775808,7000\n", 2, "1677 to 2262"),
        (
            "time,price\n2026-01-28T09:31:07,7000\n",
            2,
            "column 'time': '2026-01-28T09:31:07' is no time with an",
        ),
        ("time,price\n2026-02-30T09:31:07Z,7000\n", 2, "is no time: day is out of range"),
        ("time,price\n2026-01-28T09:31:07.0123456789Z,7000\n", 2, "is no time"),
        ("time,price\n2300-01-01T00:00:00Z,7000\n", 2, "1677 to 2262"),
        ("time_ns,price,size\n1,7000,100\n1,7000,many\n", 3, "column 'size': 'many'"),
        ("time_ns,price\n1,7000\n2,7,000\n", 3, "has 3 fields, the header 2"),
        ("time_ns,price,size\n1,7000,1\n2,7000\n", 3, "has 2 fields, the header 3"),
        ('time_ns,price,size\n1,7000,1\n2,"7000,1\n', 3, "is no CSV"),
        ("price,size\n7000,1\n", 1, "has neither column 'time_ns' nor 'time'; the header is price,size"),
        ("time_ns,last\n1,7000\n", 1, "column 'price' is missing; the header is time_ns,last"),
        ("time_ns,price,price\n1,7000,7001\n", 1, "column 'price' is there twice"),
        ("", 1, "there is no header"),
        ("time_ns,price\r1,7000\r", 1, "is no CSV"),
        ("time_ns,price\n", 2, "no rows below the header"),
        (b"time_ns,price,symbol\n1,7000,SPX\n2,7000,\xff\n", 3, "is not UTF-8"),
    ],
)
def test_a_mistake_is_named_with_its_line(file, text, line, says):
    path = file(text)
    with pytest.raises(FileError) as error:
        read_ticks(path)
    assert str(error.value).startswith(f"{path}, line {line}")
    assert says in str(error.value)


def test_a_gzip_that_is_cut_off_is_named_with_the_line_it_reaches(file, tmp_path):
    rng = np.random.default_rng(1)
    rows = "".join(f"{i},{price}\n" for i, price in enumerate(rng.random(60_000)))
    whole = file("time_ns,price\n" + rows, "whole.csv.gz").read_bytes()
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError, match=r"cut\.csv\.gz, line \d+: the gzip is cut off") as error:
        read_ticks(cut)
    line = int(str(error.value).split("line ")[1].split(":")[0])
    assert 20_000 < line < 40_000


def test_files_that_cannot_be_opened_are_named(tmp_path):
    with pytest.raises(FileError, match=r"gone\.csv: No such file"):
        read_ticks(tmp_path / "gone.csv")
    with pytest.raises(FileError, match=r"Is a directory"):
        read_ticks(tmp_path)
    (tmp_path / "plain.csv.gz").write_text("time_ns,price\n1,2\n")
    with pytest.raises(FileError, match=r"is no gzip file"):
        is_bars(tmp_path / "plain.csv.gz")


def test_rows_are_what_the_engine_takes(file):
    tape = read_ticks(file("time_ns,price,size,symbol\n5,7000.5,100,SPX\n6,600,5,IWM\n7,690,1,SPY\n"))
    rows = tape.rows({"SPX": 4, "SPY": 9}, symbol="IWM")
    assert rows["symbol"].tolist() == [4, UNKNOWN_SYMBOL, 9]
    assert rows["time"].tolist() == [5, 6, 7]
    assert rows["price"].tolist() == [7000.5, 600.0, 690.0]
    assert rows["size"].tolist() == [100.0, 5.0, 1.0]
    assert rows["flags"].tolist() == [0, 0, 0]
    assert set(rows["id"].tolist()) == {NO_ID}


def test_a_tape_without_symbols_is_that_of_the_symbol_named(file):
    path = file("time_ns,price\n5,7000.5\n")
    assert read_ticks(path).rows({"SPX": 4}, symbol="SPX")["symbol"].tolist() == [4]
    with pytest.raises(FileError, match="no column 'symbol'"):
        read_ticks(path).rows({"SPX": 4})


@pytest.mark.parametrize(
    ("skip", "flagged"),
    [
        ([], [False, False, False, False]),
        (["20002020"], [True, False, False, False]),
        (["I"], [False, True, False, False]),
        (["37", "2000"], [False, False, True, True]),
    ],
)
def test_sale_conditions_that_do_not_update_the_last_price_are_flagged(file, skip, flagged):
    path = file('time_ns,price,conditions\n1,7,20002020\n1,7,@ F I\n1,7,"12,37"\n1,7,2000\n')
    rows = read_ticks(path).rows({"SPY": 0}, "SPY", skip)
    assert (rows["flags"] == NOT_LAST).tolist() == flagged


@needs_data
def test_a_day_of_spy_is_read_trade_by_trade():
    path = DATA / "spy-2013/SPY-2013-10-08-trades.csv.gz"
    tape = read_ticks(path)
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()[1:]
    assert len(tape) == len(lines) == 451_545
    for i in range(0, len(lines), 997):
        time_ns, price, size, _, conditions, _ = lines[i].split(",")
        assert (tape.time[i], tape.price[i], tape.size[i]) == (int(time_ns), float(price), float(size))
        assert tape.conditions[tape.condition_codes[i]] == conditions


# Bars -------------------------------------------------------------------------------------------------------


def test_the_header_tells_ticks_from_bars(file):
    assert not is_bars(file("time_ns,price\n1,2\n"))
    assert is_bars(file("date,close\n2026-01-28,2\n"))
    assert is_bars(file("time,open,high,low,close\n", "bars.csv.gz"))
    with pytest.raises(FileError, match=r"line 1: neither ticks .* nor bars .*the header is a;b"):
        is_bars(file("a;b\n"))


def test_a_date_is_its_session_half_days_included(file):
    read = read_bars(
        file("date,open,high,low,close,volume\n2025-11-28,10,12,9,11,500\n2025-12-01,11,13,10,12,600\n"),
        NEW_YORK,
    )
    assert read.timeframe == "1d"
    assert read.bars.tolist() == [
        (ns("2025-11-28T09:30-05:00"), ns("2025-11-28T13:00-05:00"), 10.0, 12.0, 9.0, 11.0, 500.0),
        (ns("2025-12-01T09:30-05:00"), ns("2025-12-01T16:00-05:00"), 11.0, 13.0, 10.0, 12.0, 600.0),
    ]


HOURS = """time,close
2026-01-28T14:30-05:00,1
2026-01-28T15:30-05:00,1
2026-01-29T09:30-05:00,1
"""


def test_the_smallest_step_is_the_timeframe_and_a_bar_ends_with_its_session(file):
    read = read_bars(file(HOURS), NEW_YORK)
    assert read.timeframe == "1h"
    ends = ["2026-01-28T15:30-05:00", "2026-01-28T16:00-05:00", "2026-01-29T10:30-05:00"]
    assert read.bars["end"].tolist() == [ns(end) for end in ends]


def test_the_timeframe_may_be_named(file):
    read = read_bars(file(HOURS), NEW_YORK, bar="15m")
    assert read.timeframe == "15m"
    assert (read.bars["end"] - read.bars["start"]).tolist() == [900 * NS] * 3


def test_a_bar_after_the_close_is_not_cut_to_nothing(file):
    read = read_bars(file("time,close\n2019-11-05T15:59-05:00,1\n2019-11-05T16:00-05:00,1\n"), NEW_YORK)
    assert (read.bars["end"] - read.bars["start"]).tolist() == [60 * NS, 60 * NS]


def test_close_alone_is_all_four_prices(file):
    read = read_bars(file("date,close\n2026-01-28,7000.25\n"), NEW_YORK)
    assert read.bars[["open", "high", "low", "close", "volume"]].tolist() == [(7000.25,) * 4 + (0.0,)]


def test_bars_of_several_symbols_keep_their_own_order(file):
    read = read_bars(
        file(
            "time,close,symbol\n2026-01-28T09:30-05:00,1,SPX\n2026-01-28T09:30-05:00,2,SPY\n"
            "2026-01-28T09:35-05:00,3,SPX\n2026-01-28T09:35-05:00,4,SPY\n"
        ),
        NEW_YORK,
    )
    assert read.timeframe == "5m"
    assert read.of("SPX")["close"].tolist() == [1.0, 3.0]
    assert read.of("SPY")["close"].tolist() == [2.0, 4.0]
    assert len(read.of("IWM")) == 0


@pytest.mark.parametrize(
    ("text", "bar", "line", "says"),
    [
        (
            "date,close\n2026-01-16,1\n2026-01-17,1\n",
            None,
            3,
            "column 'date': '2026-01-17' is no session of XNYS",
        ),
        ("date,close\n2026-01-16,1\n\n16.1.2026,1\n", None, 4, "'16.1.2026' is no date"),
        (
            "date,close\n2026-01-16,1\n2026-01-15,1\n2026-01-14,1\n",
            None,
            3,
            "is not later than the bar before it",
        ),
        ("date,close\n2026-01-15,1\n2026-01-15,1\n", None, 3, "is not later than the bar before it"),
        ("date,close\n2026-01-15,1\n", "5m", 1, "its bars are 1d and not 5m"),
        ("date,open,high,low,close\n2026-01-15,2,1,3,2\n", None, 2, "column 'high': '1' is below the low"),
        (
            "date,open,high,low,close\n2026-01-15,4,3,1,2\n",
            None,
            2,
            "column 'high': '3' is below the open or the",
        ),
        (
            "date,open,high,low,close\n2026-01-15,2,3,2,1\n",
            None,
            2,
            "column 'low': '2' is above the open or the",
        ),
        ("date,open,high,low,close\n2026-01-15,2,nan,1,2\n", None, 2, "column 'high': 'nan' is no price"),
        ("date,close\n2026-01-15,0\n", None, 2, "column 'close': '0' is no price"),
        ("date,close,volume\n2026-01-15,5,-1\n", None, 2, "column 'volume': '-1' is no volume"),
        ("date,open,low,close\n2026-01-15,1,1,1\n", None, 1, "column 'high' is missing"),
        ("open,close\n1,1\n", None, 1, "has neither column 'time' nor 'date'"),
        ("time,close\n2026-01-15T09:30Z,1\n", None, 2, "is the only bar: name its timeframe"),
        ("time,close\n2026-01-15T00:00Z,1\n2026-01-16T00:00Z,1\n", None, 3, "is a daily bar"),
        ("time,close\n2026-01-15T09:30:00Z,1\n2026-01-15T09:30:30Z,1\n", None, 3, "is 30 s after the bar"),
        ("time,close\n2026-01-15T09:30Z,1\n2026-01-15T09:35Z,1\n", "1h", 3, "is less than 1h after the bar"),
    ],
)
def test_a_wrong_bar_is_named_with_its_line(file, text, bar, line, says):
    path = file(text)
    with pytest.raises(FileError) as error:
        read_bars(path, NEW_YORK, bar)
    assert str(error.value).startswith(f"{path}, line {line}")
    assert says in str(error.value)


@needs_data
def test_the_minutes_of_november_2019():
    read = read_bars(DATA / "sp500-2019/SPX-2019-11-1min.csv", NEW_YORK)
    assert (read.timeframe, len(read.bars)) == ("1m", 1563)
    assert read.bars["close"][-1] == 3092.91
    assert read.bars["end"][-1] == NEW_YORK.of_date(date(2019, 11, 8))[1]


@needs_data
def test_fifteen_years_of_daily_bars():
    read = read_bars(DATA / "spy-2013/SPY-daily-1998-2013.csv", NEW_YORK)
    assert (read.timeframe, len(read.bars)) == ("1d", 3965)
    assert (
        datetime.fromtimestamp(int(read.bars["start"][0]) // NS, UTC).isoformat()
        == "1998-01-02T14:30:00+00:00"
    )

from pathlib import Path

import pytest

from tapewatch.check import load
from tapewatch.feeds.choice import FeedChoiceError, choose
from tapewatch.feeds.files import FileError
from tapewatch.feeds.played import Part, PlayedError, part_of_feed, part_of_vendor
from tapewatch.feeds.vendors import VENDORS

CONFIG = """
name = "test"

[[feed]]
name = "tape"
vendor = "massive"

[[feed]]
name = "crypto"
vendor = "kraken"

[[watch]]
symbol = "SPX"
feed = "tape"
feed_symbol = "I:SPX"

[[watch]]
symbol = "BTC"
feed = "crypto"
feed_symbol = "BTC/USD"
calendar = "24/7"

[[watch]]
symbol = "ETH"
feed = "crypto"
feed_symbol = "ETH/USD"
calendar = "24/7"
"""


def part(folder: Path, feed: str) -> Part:
    (folder / "config.toml").write_text(CONFIG)
    own = load(folder / "config.toml")
    return part_of_feed(own, choose(own, feed))


def file(folder: Path, *rows: str, header: str = "time_ns,price,symbol") -> Path:
    path = folder / "ticks.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_the_scenario_has_the_name_that_the_vendor_or_the_config_gives_the_index(tmp_path: Path) -> None:
    assert part_of_vendor("massive").scenario("sp500-7000").symbols == ["I:SPX"]
    assert part_of_vendor("alpaca").scenario("sp500-7000").symbols == ["SPX"]
    assert part_of_vendor("alpaca").scenario("sp500-7000", "SPY").symbols == ["SPY"]
    assert part(tmp_path, "tape").scenario("sp500-7000").symbols == ["I:SPX"]
    with pytest.raises(PlayedError, match="there is no scenario 'crash': there is sp500-7000"):
        part_of_vendor("massive").scenario("crash")


def test_a_file_s_symbols_are_sent_as_the_watches_say_the_vendor_calls_them(tmp_path: Path) -> None:
    ticks = file(tmp_path, "1,10,ETH", "2,20,BTC/USD", "3,30,DOGE")
    played = part(tmp_path, "crypto").file(ticks)
    assert played.symbols == ["ETH/USD", "BTC/USD", "DOGE"]
    assert played.ticks["symbol"].tolist() == [0, 1, 2]
    assert part_of_vendor("kraken").file(ticks).symbols == ["ETH", "BTC/USD", "DOGE"]


def test_a_file_without_symbols_is_the_feed_s_only_one(tmp_path: Path) -> None:
    ticks = file(tmp_path, "1,10", header="time_ns,price")
    assert part(tmp_path, "tape").file(ticks).symbols == ["I:SPX"]
    assert part(tmp_path, "crypto").file(ticks, "BTC/USD").symbols == ["BTC/USD"]
    with pytest.raises(FileError, match="no column 'symbol'"):
        part(tmp_path, "crypto").file(ticks)


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_can_be_played_or_asks_for_its_description(vendor: str) -> None:
    if vendor == "json":
        with pytest.raises(PlayedError, match="json has to be described: name a config"):
            part_of_vendor(vendor)
    else:
        own = part_of_vendor(vendor)
        assert own.server(["ACME"], False).wanted.tolist() == [False]


def test_a_feed_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    own = load(tmp_path / "config.toml")
    with pytest.raises(FeedChoiceError, match="several feeds: say which with --feed; there is tape, crypto"):
        choose(own, None)
    with pytest.raises(FeedChoiceError, match="no feed 'cryto': did you mean \"crypto\""):
        choose(own, "cryto")
    with pytest.raises(PlayedError, match=f"there is no vendor 'acme': there is {', '.join(VENDORS)}"):
        part_of_vendor("acme")

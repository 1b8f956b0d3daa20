"""Every mistake is named with its line, its key and what would be right, all of them in one run."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapewatch.check import Config, ConfigError, check, load
from tapewatch.market.sessions import why_not

SP500 = Path(__file__).parents[2] / "config/sp500.toml"
BTC = Path(__file__).parents[2] / "config/btc.toml"

WATCH = """\
name = "test"
[[watch]]
symbol = "SPX"
"""


def problems_of(folder: Path, text: str) -> list:
    file = folder / "watch.toml"
    file.write_text(text, encoding="utf-8")
    return check(file)[1]


def marked_line(text: str) -> int:
    """The line that ends in `#!`: where the mistake is."""
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.endswith("#!"))


def test_the_default_watch_is_clean():
    config, problems = check(SP500)
    assert problems == []
    assert config is not None
    watch = config.watch[0]
    assert {level.price: level.next for level in watch.level} == {
        6790: "6,735",
        6735: None,
        7000: "7,100–7,200",
    }
    assert [(zone.low, zone.high) for zone in watch.zone] == [(6950, 6970), (7100, 7200)]
    assert all(rule.role and rule.note for rule in (*watch.level, *watch.zone))
    assert [str(condition.parsed) for condition in watch.condition] == [
        "rsi(14)@1d crosses above 70",
        "rsi(14)@1d crosses below 30",
        "price crosses sma(50)@1d",
        "price crosses sma(200)@1d",
        "macd(12,26,9)@1d crosses above macd(12,26,9).signal@1d",
        "macd(12,26,9)@1d crosses below macd(12,26,9).signal@1d",
        "rsi(14)@1h diverges",
        "rsi(14)@1d diverges",
    ]


@pytest.mark.parametrize("vendor", ["kraken", "coinbase"])
def test_the_watch_of_bitcoin_is_clean_on_either_exchange(vendor: str, tmp_path: Path):
    text = BTC.read_text(encoding="utf-8")
    assert text.count('vendor = "kraken"') == 1
    file = tmp_path / "btc.toml"
    file.write_text(text.replace('vendor = "kraken"', f'vendor = "{vendor}"'), encoding="utf-8")
    config, problems = check(file)
    assert problems == []
    assert config is not None
    assert config.feed[0].vendor == vendor
    watch = config.watch[0]
    assert (watch.symbol, watch.feed_symbol, watch.legs) == ("BTC/USD", "BTC/USD", None)
    assert {level.price for level in watch.level} == {90_000, 100_000}


MISTAKES = {
    "unknown key": (WATCH + 'calender = "XNYS" #!', "[[watch]] calender", 'did you mean "calendar"?'),
    "key of another table": (
        WATCH + "confirm = '1h' #!",
        "[[watch]] confirm",
        "belongs under [[watch.level]]",
    ),
    "missing key": (WATCH + '[[watch.level]] #!\nname = "a"', "[[watch.level]] price", "is missing"),
    "number in quotes": (
        WATCH + '[[watch.level]]\nprice = "7000" #!',
        "[[watch.level]] price",
        "price = 7000",
    ),
    "price not positive": (WATCH + "[[watch.level]]\nprice = 0 #!", "[[watch.level]] price", "more than 0"),
    "price not finite": (
        WATCH + "[[watch.level]]\nprice = inf #!",
        "[[watch.level]] price",
        "must be a finite number",
    ),
    "text without quotes": (WATCH + "feed = tape #!", "", "text without quotes"),
    "role": (
        WATCH + "[[watch.level]]\nprice = 7000\nrole = 'suport' #!",
        "[[watch.level]] role",
        'did you mean "support"?',
    ),
    "one bracket": (WATCH + "[watch.level] #!\nprice = 7000", "[[watch]] level", "write [[watch.level]]"),
    "two brackets": (WATCH + "[[redis]] #!", "redis", "there is only one: write [redis]"),
    "text for an array": (WATCH + "timeframes = '1d' #!", "[[watch]] timeframes", 'timeframes = ["..."]'),
    "timeframe": (WATCH + "timeframes = ['1m',\n  '90x'] #!", "[[watch]] timeframes", "such as 1m, 5m, 1h"),
    "timeframe twice": (WATCH + "timeframes = ['60m',\n '1h'] #!", "[[watch]] timeframes", "same as 60m"),
    "confirm": (
        WATCH + "[[watch.level]]\nprice = 7000\nconfirm = 'hour' #!",
        "[[watch.level]] confirm",
        "no timeframe",
    ),
    "indicator": (
        WATCH + "indicators = ['rsy(14)'] #!",
        "[[watch]] indicators",
        "there are atr, bb, ema, macd, roc, rsi, sma, vwap",
    ),
    "max_jump": (WATCH + "max_jump = 1 #!", "[[watch]] max_jump", '"1%", or "off"'),
    "rearm": (WATCH + "rearm = '7' #!", "[[watch]] rearm", 'such as "0.1%"'),
    "calendar": (WATCH + "calendar = 'XNYZ' #!", "[[watch]] calendar", 'did you mean "XNYS"?'),
    "hours": (
        WATCH + "calendar = 'XLON'\nhours = 'extended' #!",
        "[[watch]] hours",
        "XLON has no extended hours",
    ),
    "history": (WATCH + "history = ['none.csv'] #!", "[[watch]] history", "there is no file"),
    "symbol twice": (WATCH + "[[watch]]\nsymbol = 'SPX' #!", "[[watch]] symbol", "already (line 3)"),
    "zone upside down": (
        WATCH + "[[watch.zone]]\nlow = 6970 #!\nhigh = 6950",
        "[[watch.zone]] low",
        "write low = 6950 and high = 6970",
    ),
    "zone flat": (WATCH + "[[watch.zone]]\nlow = 6970\nhigh = 6970 #!", "[[watch.zone]] high", "is flat"),
    "zone twice": (
        WATCH + "zone = [{low = 1, high = 2, name = 'a'},\n {low = 1, high = 2}] #!",
        "[[watch.zone]] low",
        "such a zone already (line 4)",
    ),
    "level twice": (
        WATCH + "[[watch.level]]\nprice = 7000\n[[watch.level]]\nname = 'x'\nprice = 7000.0 #!",
        "[[watch.level]] price",
        "a level at 7000 already (line 5)",
    ),
    "level twice, no names": (
        WATCH + "[[watch.level]]\nprice = 7000\n[[watch.level]]\nprice = 7000 #!",
        "[[watch.level]] price",
        "a level at 7000 already (line 5)",
    ),
    "name twice": (
        WATCH
        + "level = [{price = 7000}]\n[[watch.condition]]\nname = '7000' #!\nwhen = 'rsi(9)@1d crosses 50'",
        "[[watch.condition]] name",
        'called "7000" already (line 4)',
    ),
    "condition": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1d corsses 70' #!",
        "[[watch.condition]] when",
        "did you mean crosses?\n  rsi(14)@1d corsses 70\n             ^^^^^^^",
    ),
    "event twice": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price crosses 1 and price crosses 2' #!",
        "[[watch.condition]] when",
        "one event already, price crosses 1",
    ),
    "on": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\non = 'clos' #!",
        "[[watch.condition]] on",
        'none of "tick", "close" or a timeframe',
    ),
    "on the close of nothing": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\non = 'close' #!",
        "[[watch.condition]] on",
        'on = "5m"',
    ),
    "divergence on ticks": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1h diverges bullish'\non = 'tick' #!",
        "[[watch.condition]] on",
        'write when = "rsi(14)@1h diverges bullish forming"',
    ),
    "early warning on ticks": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1h diverges forming'\non = 'tick' #!",
        "[[watch.condition]] on",
        "leave on out",
    ),
    "divergence at another close": (
        WATCH
        + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1h diverges and rsi(14)@5m > 50'\non = 'close' #!",
        "[[watch.condition]] on",
        "at the close of its 1h bar",
    ),
    "frequency": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nfrequency = 'once a bar' #!",
        "[[watch.condition]] frequency",
        'did you mean "once per bar"?',
    ),
    "for": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nfor = '5 minutes' #!",
        "[[watch.condition]] for",
        'such as "90s", "5m" or "2h"',
    ),
    "for a number": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nfor = 5 #!",
        "[[watch.condition]] for",
        'for = "..."',
    ),
    "for a divergence": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1h diverges'\nfor = '5m' #!",
        "[[watch.condition]] for",
        "leave for out",
    ),
    "for longer than a session": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nfor = '391m' #!",
        "[[watch.condition]] for",
        "within one session",
    ),
    "for longer than its hours": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nhours = '10:00-10:30'\nfor = '31m' #!",
        "[[watch.condition]] for",
        "within one session",
    ),
    "expires in quotes": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nexpires = '2026-03-31' #!",
        "[[watch.condition]] expires",
        "without quotes, such as 2026-03-31",
    ),
    "expires at a time of no day": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nexpires = 10:00:00 #!",
        "[[watch.condition]] expires",
        "such as 2026-03-31",
    ),
    "expires at a time of no zone": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nexpires = 2026-03-31 10:00:00 #!",
        "[[watch.condition]] expires",
        "write 2026-03-31T10:00:00Z for UTC",
    ),
    "expires before any tick": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nexpires = 1926-03-31 #!",
        "[[watch.condition]] expires",
        "from 1970 to 2199",
    ),
    "hours of a condition": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nhours = '9:45 to 15:45' #!",
        "[[watch.condition]] hours",
        'such as "09:45-15:45"',
    ),
    "hours that no day has": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nhours = '09:45-25:00' #!",
        "[[watch.condition]] hours",
        "not two times",
    ),
    "hours upside down": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nhours = '15:45-09:45' #!",
        "[[watch.condition]] hours",
        "upside down",
    ),
    "hours when the exchange is shut": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price crosses 1'\nhours = '04:00-09:30' #!",
        "[[watch.condition]] hours",
        "XNYS trades from 09:30 to 16:00",
    ),
    "extended hours for what is of regular hours": (
        WATCH
        + "hours = 'extended'\n[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nhours = '04:00-09:30' #!",
        "[[watch.condition]] hours",
        "outside the session",
    ),
    "hours in which no bar ends": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1d > 70'\nhours = '09:45-12:45' #!",
        "[[watch.condition]] hours",
        "no 1d bar ends in these hours",
    ),
    "too many timeframes": (
        WATCH + f"timeframes = {[f'{n}m' for n in range(1, 18)]} #!",
        "[[watch]] timeframes",
        "16 are the most",
    ),
    "too many indicators": (
        WATCH + f"indicators = {[f'sma({n})' for n in range(1, 66)]} #!",
        "[[watch]] indicators",
        "64 are the most",
    ),
    "too many timeframes, with those of rules": (
        WATCH
        + f"timeframes = {[f'{n}m' for n in range(1, 17)]} #!\n"
        + "".join(f"[[watch.condition]]\nname = '{n}'\nwhen = 'close@{n}m > 1'\n" for n in range(17, 33)),
        "[[watch]] timeframes",
        "33 timeframes, with 1d: 32 are the most",
    ),
    "period beyond any number": (
        WATCH + f"indicators = ['sma({'9' * 400}.5)'] #!",
        "[[watch]] indicators",
        "from 1 to 1000",
    ),
    "the hour of a condition in minutes": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@60m > 70' #!",
        "[[watch.condition]] when",
        'write "1h"',
    ),
    "the hour of on in minutes": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price > 70'\non = '60m' #!",
        "[[watch.condition]] on",
        'write "1h"',
    ),
    "the hour of confirm otherwise than in another rule": (
        WATCH
        + "level = [{price = 1, confirm = '120m'}]\n[[watch.zone]]\nlow = 1\nhigh = 2\nconfirm = '2h' #!",
        "[[watch.zone]] confirm",
        'write "120m"',
    ),
    "below the session's own low": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price crosses 5and  price < session.low' #!",
        "[[watch.condition]] when",
        "never below it: write price <= low@1d\n"
        "  price crosses 5and  price < session.low\n                      ^^^^^^^^^^^^^^^^^^^",
    ),
    "above a bar's own high": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'Price is above high@5m' #!",
        "[[watch.condition]] when",
        "write price >= high@5m",
    ),
    "across a bar's own low": (
        WATCH + "[[watch.condition]]\nname = 'a'\nwhen = 'price crosses below low@5m' #!",
        "[[watch.condition]] when",
        "never crosses it",
    ),
    "below the low, in regular hours of an extended watch": (
        WATCH
        + "hours = 'extended'\n[[watch.condition]]\nname = 'a'\nwhen = 'vwap crosses 5 and price < low@1h' #!",
        "[[watch.condition]] when",
        "never below it",
    ),
    "name of a snapshot's bars": (
        "name = 'test'\n[[watch]]\nsymbol = 'SPX/bars' #!",
        "[[watch]] symbol",
        "the bars of SPX",
    ),
    "composite of an index under another name and a stock": (
        WATCH
        + "feed_symbol = 'I:SPX'\nfeed = 'a'\n[[watch]]\nsymbol = 'SPX/SPY' #!\nfeed = 'b'\n"
        + "[[feed]]\nname = 'a'\nvendor = 'massive'\n[[feed]]\nname = 'b'\nvendor = 'massive'",
        "[[watch]] symbol",
        "SPY is a stock, and the other is not",
    ),
    "settle_after": (WATCH + "settle_after = 20 #!", "[[watch]] settle_after", 'settle_after = "..."'),
    "composite of one": (
        "name = 'test'\n[[watch]]\nsymbol = 'XLC/' #!",
        "[[watch]] symbol",
        "such as XLC/SPY",
    ),
    "composite of three": (
        "name = 'test'\n[[watch]]\nsymbol = 'A/B/C' #!",
        "[[watch]] symbol",
        "such as XLC/SPY",
    ),
    "composite of itself": (
        "name = 'test'\n[[watch]]\nsymbol = 'SPY/SPY' #!",
        "[[watch]] symbol",
        "SPY divided by itself is always 1",
    ),
    "composite of an index and a stock": (
        "name = 'test'\n[[watch]]\nsymbol = 'SPY/I:SPX' #!\n[[feed]]\nname = 'a'\nvendor = 'massive'",
        "[[watch]] symbol",
        "I:SPX is an index, and the other is not",
    ),
    "pair that would be a composite": (
        "name = 'test'\n[[watch]]\nsymbol = 'BTC/USD' #!\n[[feed]]\nname = 'a'\nvendor = 'kraken'",
        "[[watch]] symbol",
        'write feed_symbol = "BTC/USD" too',
    ),
    "pair of one that is watched and one that is not": (
        "name = 'test'\n[[watch]]\nsymbol = 'BTC-USD/ETH' #!\n[[feed]]\nname = 'a'\nvendor = 'coinbase'",
        "[[watch]] symbol",
        "ETH is no pair",
    ),
    "no such feed": (
        WATCH + "feed = 'tap' #!\n[[feed]]\nname = 'tape'\nvendor = 'massive'",
        "[[watch]] feed",
        'did you mean "tape"?',
    ),
    "which feed": (
        "name = 'test'\n[[watch]] #!\nsymbol = 'SPX'\n"
        "[[feed]]\nname = 'a'\nvendor = 'massive'\n[[feed]]\nname = 'b'\nvendor = 'massive'",
        "[[watch]] feed",
        "say which: a, b",
    ),
    "feed twice": (
        WATCH
        + "feed = 'a'\n[[feed]]\nname = 'a'\nvendor = 'massive'\n[[feed]]\nname = 'a' #!\nvendor = 'massive'",
        "[[feed]] name",
        "already (line 6)",
    ),
    "index and stock": (
        WATCH
        + "feed_symbol = 'I:SPX'\n[[watch]]\nsymbol = 'SPY' #!\n[[feed]]\nname = 'a'\nvendor = 'massive'",
        "[[watch]] symbol",
        "a [[feed]] of its own",
    ),
    "receiver nobody routes to": (
        WATCH + "[[receiver]]\nname = 'desk' #!\nkind = 'console'",
        "[[receiver]] name",
        'write [[route]] and receivers = ["desk"]',
    ),
    "receiver that is not there": (
        WATCH + "[[receiver]]\nname='desk'\nkind='console'\n[[route]]\nreceivers = ['desk',\n'dsk'] #!",
        "[[route]] receivers",
        'did you mean "desk"?',
    ),
    "receiver twice": (
        WATCH
        + "[[receiver]]\nname = 'a'\nkind = 'console'\n[[receiver]]\nname = 'a' #!\nkind = 'console'\n"
        + "[[route]]\nreceivers = ['a']",
        "[[receiver]] name",
        "already (line 5)",
    ),
    "receiver's kind": (
        WATCH + "[[receiver]]\nname = 'a'\nkind = 'slak' #!\n[[route]]\nreceivers = ['a']",
        "[[receiver]] kind",
        'did you mean "slack"?',
    ),
    "route that matches nothing": (
        WATCH
        + "[[receiver]]\nname='a'\nkind='console'\n[[route]]\nreceivers=['a']\nmatch = { symbol = 'SPZ' } #!",
        "[[route]] match.symbol",
        'did you mean "SPX"?',
    ),
    "Redis URL": (WATCH + "[redis]\nurl = 'localhost:6379' #!", "[redis] url", "write redis://HOST:PORT/0"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_named_with_line_key_and_what_would_be_right(case: str, tmp_path: Path):
    text, key, right = MISTAKES[case]
    (problem,) = problems_of(tmp_path, text)
    assert (problem.line, problem.key, problem.severity) == (marked_line(text), key, "error")
    assert right in problem.message
    assert str(problem).startswith(f"{tmp_path / 'watch.toml'}:{problem.line}: error: {key}")


WARNINGS = {
    "feed nobody uses": (
        WATCH
        + "feed = 'a'\n[[feed]]\nname = 'a'\nvendor='massive'\n[[feed]]\nname = 'b' #!\nvendor='massive'",
        'no watch takes feed "b"',
    ),
    "band wider than half the zone": (
        WATCH + "[[watch.zone]]\nlow = 6950\nhigh = 6970\nrearm = 15 #!",
        "10 points are used in place of 15",
    ),
    "condition that is a level": (
        WATCH + "level = [{price = 7000}]\n[[watch.condition]]\nname = 'a'\nwhen = 'price crosses 7000' #!",
        "two alerts",
    ),
    "condition that is a zone": (
        WATCH
        + "zone = [{low = 1, high = 2}]\n[[watch.condition]]\nname = 'a'\nwhen = 'price leaves 1 to 2' #!",
        "a [[watch.zone]] of 1 to 2 already",
    ),
    "volume of a composite": (
        "name = 'test'\n[[watch]]\nsymbol = 'XLC/SPY'\n[[watch.condition]]\nname = 'a'\nwhen = 'volume@5m > 1000' #!",
        "volume@5m says nothing",
    ),
    "vwap of a composite": (
        "name = 'test'\n[[watch]]\nsymbol = 'XLC/SPY'\n[[watch.condition]]\nname = 'a'\nwhen = 'price > vwap' #!",
        "vwap@1d says nothing",
    ),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_a_warning_is_given_and_the_config_is_usable(case: str, tmp_path: Path):
    text, message = WARNINGS[case]
    (problem,) = problems_of(tmp_path, text)
    assert (problem.line, problem.severity) == (marked_line(text), "warning")
    assert message in problem.message
    assert load(tmp_path / "watch.toml").name == "test"


CLEAN = {
    "a level with more to it": "level = [{price = 1}]\n[[watch.condition]]\nname = 'a'\n"
    "when = 'price crosses 1 and price > vwap'",
    "a level that must hold": "level = [{price = 1}]\n[[watch.condition]]\nname = 'a'\nwhen = 'price crosses 1'\n"
    "for = '5m'",
    "an early warning before the day's close": "[[watch.condition]]\nname = 'a'\n"
    "when = 'rsi(14)@1d diverges forming'\nhours = '09:45-12:45'",
    "the session's last quarter": "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nhours = '15:45-24:00'",
    "extended hours": "hours = 'extended'\n[[watch.condition]]\nname = 'a'\nwhen = 'price crosses 1'\n"
    "hours = '04:00-09:30'\nfor = '5h'",
    "hours that end with the day's bar": "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1d > 70'\n"
    "hours = '15:59-16:00'",
    "an hour of a market that never shuts": "calendar = '24/7'\n[[watch.condition]]\nname = 'a'\n"
    "when = 'close@4h > 1'\nhours = '23:00-24:00'",
    "a session as long as it lasts": "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nfor = '390m'",
    "a divergence at its own close": "[[watch.condition]]\nname = 'a'\nwhen = 'rsi(14)@1h diverges and price > 5'\n"
    "on = '1h'",
    "a date": "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nexpires = 2026-03-31",
    "a time": "[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nexpires = 2026-03-31T10:00:00-04:00",
    "settling": "settle_after = '20m'",
    "across a bar's own high": "[[watch.condition]]\nname = 'a'\nwhen = 'price crosses above high@1h'",
    "below the day's low in extended hours": "hours = 'extended'\n[[watch.condition]]\nname = 'a'\n"
    "when = 'price crosses 5 and price < session.low'",
    "a calendar that begins later": "calendar = 'JPX'\n[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\n"
    "for = '5m'",
    "a composite of two indices under other names": "feed_symbol = 'I:SPX'\n[[watch]]\nsymbol = 'SPX/I:NDX'\n"
    "[[feed]]\nname = 'a'\nvendor = 'massive'",
    "two pairs under names of their own, divided": "feed_symbol = 'BTC/USD'\n[[watch]]\nsymbol = 'ETH'\n"
    "feed_symbol = 'ETH/USD'\n[[watch]]\nsymbol = 'ETH/SPX'\n[[feed]]\nname = 'a'\nvendor = 'kraken'",
    "two pairs as Coinbase writes them, divided": "feed_symbol = 'BTC-USD'\n[[watch]]\n"
    "symbol = 'ETH-USD/BTC-USD'\n[[feed]]\nname = 'a'\nvendor = 'coinbase'",
    "what begins as Massive's indices do, elsewhere": "feed_symbol = 'I:SPX'\n[[watch]]\nsymbol = 'SPY'\n"
    "[[feed]]\nname = 'a'\nvendor = 'finnhub'",
    "as many timeframes as may be": f"timeframes = {[f'{n}m' for n in range(1, 17)]}\n"
    + "".join(f"[[watch.condition]]\nname = '{n}'\nwhen = 'close@{n}m > 1'\n" for n in range(17, 32)),
}


@pytest.mark.parametrize("case", CLEAN)
def test_what_is_right_is_clean(case: str, tmp_path: Path):
    assert problems_of(tmp_path, WATCH + CLEAN[case]) == []


def test_a_calendar_that_cannot_be_built_is_one_mistake(tmp_path: Path):
    if why_not("XTAE") is None:
        pytest.skip("this release of pandas builds it")
    text = WATCH + "calendar = 'XTAE' #!\n[[watch.condition]]\nname = 'a'\nwhen = 'price > 1'\nfor = '5m'"
    (problem,) = problems_of(tmp_path, text)
    assert (problem.line, problem.key) == (marked_line(text), "[[watch]] calendar")
    assert "'XTAE', but cannot build it" in problem.message


def test_a_symbol_with_a_slash_that_the_feed_knows_is_no_composite(tmp_path: Path):
    text = (
        "name = 'test'\n[[watch]]\nsymbol = 'BTC/USD'\nfeed_symbol = 'X:BTC-USD'\n"
        "[[watch.condition]]\nname = 'a'\nwhen = 'price > vwap'"
    )
    assert problems_of(tmp_path, text) == []


def test_all_mistakes_of_a_file_come_in_one_run_in_the_order_of_its_lines(tmp_path: Path):
    # One of form in every table must hide none of meaning, not even in its own table.
    text = """\
nam = "test"
[watch]
symbol = "SPX"
calendar = "XNYZ"
timeframe = ["1d"]
[[watch.level]]
price = "7000"
role = "suport"
[[watch.zone]]
low = 6970
high = 6950
confirm = 3
[[watch.condition]]
when = "rsi(14) crosses 70"
[[receiver]]
name = "desk"
kind = "email"
port = 0
[[route]]
receivers = ["dsk"]
match = { severity = "high" }
"""
    assert [(each.line, each.key) for each in problems_of(tmp_path, text)] == [
        (1, "name"),
        (1, "nam"),
        (2, "watch"),
        (4, "[watch] calendar"),
        (5, "[watch] timeframe"),
        (7, "[[watch.level]] price"),
        (8, "[[watch.level]] role"),
        (10, "[[watch.zone]] low"),
        (12, "[[watch.zone]] confirm"),
        (13, "[[watch.condition]] name"),
        (14, "[[watch.condition]] when"),
        (15, "[[receiver]] host"),
        (15, "[[receiver]] sender"),
        (15, "[[receiver]] to"),
        (16, "[[receiver]] name"),
        (18, "[[receiver]] port"),
        (20, "[[route]] receivers"),
        (21, "[[route]] match.severity"),
    ]


def test_a_mistyped_feed_is_one_problem_and_not_also_an_unused_feed(tmp_path: Path):
    text = WATCH + "feed = 'tap'\n[[feed]]\nname = 'tape'\nvendor = 'massive'"
    assert [each.key for each in problems_of(tmp_path, text)] == ["[[watch]] feed"]


@pytest.mark.parametrize(
    ("table", "variable"),
    [
        ("[[feed]]\nname = 'tape'\nvendor = 'massive'\nkey = 'HUSH'", "TAPEWATCH_FEED_TAPE_KEY"),
        ("[[receiver]]\nname = 'a-1'\nkind = 'slack'\nurl = 'https://HUSH'", "TAPEWATCH_RECEIVER_A_1_URL"),
        ("[redis]\nurl = 'HUSH'", "redis://"),
        ("[redis]\nurl = 'redis://:HUSH@127.0.0.1:notaport/0'", "redis://"),
        ("[[feed]]\nname = 'a'\nvendor = 'massive'\nurl = 'wss://host:99999/?key=HUSH'", "65535"),
        ("[[receiver]]\nname = 'a'\nkind = 'webhook'\nurl = 'ftp://HUSH'", "http://"),
    ],
)
def test_a_secret_in_the_config_is_refused_and_not_shown(table: str, variable: str, tmp_path: Path):
    problems = problems_of(tmp_path, WATCH + table)
    assert any(variable in each.message for each in problems)
    assert "HUSH" not in "".join(map(str, problems))


def test_a_secret_file_need_not_be_there_for_check(tmp_path: Path):
    assert problems_of(tmp_path, WATCH + "[redis]\nurl_file = 'none'") == []


def test_files_that_are_no_config_are_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"none\.toml: error: .*No such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes('name = "a"\n# Zürich'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.toml:2: error: .*UTF-8"):
        load(tmp_path / "latin.toml")
    (tmp_path / "deep.toml").write_text("a = " + "[" * 5000)
    with pytest.raises(ConfigError, match="nested too deep"):
        load(tmp_path / "deep.toml")


def test_a_syntax_error_shows_the_spot(tmp_path: Path):
    (problem,) = problems_of(tmp_path, WATCH + "feed = tape\n")
    assert problem.message.endswith("\nfeed = tape\n       ^")


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "daily.csv").write_text("date,close\n")
    (tmp_path / "watch.toml").write_text(WATCH + "history = ['daily.csv']\n[redis]\nurl_file = 'redis.url'")
    monkeypatch.chdir("/")
    config = load(tmp_path / "watch.toml")
    assert config.watch[0].history == [tmp_path / "daily.csv"]
    assert config.redis.url_file == tmp_path / "redis.url"


def test_windows_line_ends_and_a_byte_order_mark_are_taken(tmp_path: Path):
    (tmp_path / "watch.toml").write_bytes(b"\xef\xbb\xbf" + WATCH.replace("\n", "\r\n").encode())
    assert load(tmp_path / "watch.toml").watch[0].symbol == "SPX"


LINES = SP500.read_text(encoding="utf-8").splitlines()
VALUES = [
    "0",
    "-1",
    "nan",
    "1e400",
    "true",
    '""',
    '"x"',
    "[]",
    "[1]",
    "{}",
    "1979-05-27 07:32:00",
    "1979-05-27",
    "10:00:00",
    "'price crosses 1 and rsi(14)@1h diverges'",
    "'XLC/SPY'",
    '"\\u0000"',
]


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """The default watch after a careless editor: lines lost, doubled, cut, values swapped for others."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        match draw(
            st.sampled_from(["drop", "double", "cut", "value", "key", "brackets", "uncomment", "noise"])
        ):
            case "drop":
                del lines[at]
            case "double":
                lines.insert(at, line)
            case "cut":
                lines[at] = line[: draw(st.integers(0, len(line)))]
            case "value":
                lines[at] = f"{line.split('=')[0]} = {draw(st.sampled_from(VALUES))}"
            case "key":
                lines[at] = (
                    draw(
                        st.sampled_from(
                            [
                                "price",
                                "name",
                                "watch",
                                "when",
                                "receivers",
                                "on = 'close' #",
                                "for = '9h' #",
                                "expires = 1 #",
                            ]
                        )
                    )
                    + line
                )
            case "brackets":
                lines[at] = line.replace("[[", "[").replace("]]", "]")
            case "uncomment":
                lines[at] = line.removeprefix("# ")
            case "noise":
                lines[at] = line + draw(st.text(max_size=5))
        lines = lines or [""]
    return "\n".join(lines)


def assert_for_people(error: ConfigError, lines: int) -> None:
    assert error.problems
    for problem in error.problems:
        assert 1 <= (problem.line or 0) <= lines
        assert "Input should" not in problem.message  # pydantic's words, not a trader's


@settings(max_examples=300, deadline=None)
@given(text=mangled())
def test_whatever_is_wrong_is_a_config_error_with_a_line_of_the_file(
    text: str, tmp_path_factory: pytest.TempPathFactory
):
    file = tmp_path_factory.getbasetemp() / "mangled.toml"
    file.write_text(text, encoding="utf-8", newline="")
    try:
        assert isinstance(load(file), Config)
    except ConfigError as error:
        assert_for_people(error, lines=text.count("\n") + 1)

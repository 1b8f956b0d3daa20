"""Mistakes in the description of a websocket are named with their line, their key and what would be right."""

from pathlib import Path

import pytest

from tapewatch import addresses
from tapewatch.check import check
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.vendors import VENDORS

HEAD = """\
name = "test"
[[watch]]
symbol = "SPX"
[[feed]]
name = "tape"
vendor = "json"
url = "wss://feed.example.com/"
"""


def problems_of(folder: Path, text: str) -> list:
    file = folder / "watch.toml"
    file.write_text(text, encoding="utf-8")
    return check(file)[1]


def marked_line(text: str) -> int:
    """The line that ends in `#!`: where the mistake is."""
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.endswith("#!"))


MISTAKES = {
    "no such place": ('subscribe = \'{"s": "{symbl}"}\' #!', "subscribe", "did you mean {symbol}?"),
    "no such place, nothing near": (
        'subscribe = \'{"s": "{ticker}"}\' #!',
        "subscribe",
        "there is {key} and {secret} and {symbol} and {symbols}",
    ),
    "no such place in hello": (
        "hello = ['first',\n '{login}'] #!",
        "hello",
        "nothing is put in for {login}",
    ),
    "symbols in hello": ('hello = [\'{"s": "{symbol}"}\'] #!', "hello", "{symbol} belongs into subscribe"),
    "both": (
        'subscribe = \'{"a": "{symbol}", "b": {symbols}}\' #!',
        "subscribe",
        "has both {symbol} and {symbols}",
    ),
    "no JSON": ('hello = [\'{"op": "login"\'] #!', "hello", "is no JSON (Expecting"),
    "no JSON in unsubscribe": (
        "subscribe = 'sub {symbol}'\nunsubscribe = '[\"{symbol}\"' #!",
        "unsubscribe",
        'write it such as {"op": "subscribe", "symbol": "{symbol}"}',
    ),
    "symbols in quotes": ('subscribe = \'{"s": "{symbols}"}\' #!', "subscribe", "take the quotes around it"),
    "symbol without quotes": (
        "subscribe = '{\"s\": {symbol}}' #!",
        "subscribe",
        'put {symbol} in quotes, "{symbol}"',
    ),
    "nothing to end": ("unsubscribe = 'end {symbol}' #!", "unsubscribe", "write subscribe, too"),
    "empty step": ("trades = 'data..trades' #!", "trades", 'such as "data.trades"'),
    "dot at the end": ("price = 'p.' #!", "price", 'such as "p"'),
    "empty": ("time = '' #!", "time", 'such as "time"'),
    "empty step in only": ("only = { \".type\" = 'trade' } #!", "only..type", 'such as "type"'),
    "two in one place": ("price = 'p'\nsize = 'p' #!", "size", '"p" is where price stands'),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_line_and_what_would_be_right(mistake, tmp_path):
    text, key, right = MISTAKES[mistake]
    (problem,) = problems_of(tmp_path, HEAD + text)
    assert problem.severity == "error"
    assert problem.key == f"[[feed]] {key}"
    assert right in problem.message
    assert problem.line == marked_line(HEAD + text)


def test_all_mistakes_are_named_in_one_run(tmp_path):
    text = HEAD + "hello = ['{k}', '[']\nsubscribe = '{s}'\nprice = '.'"
    assert [problem.key for problem in problems_of(tmp_path, text)] == [
        "[[feed]] hello",
        "[[feed]] hello",
        "[[feed]] subscribe",
        "[[feed]] price",
    ]


RIGHT = {
    "nothing described": "",
    "text that is no JSON": "hello = ['LOGIN {key} {secret}']\nsubscribe = 'SUB {symbol}'",
    "one a symbol": 'subscribe = \'{"op": "subscribe", "args": ["trades:{symbol}"]}\'',
    "one for all": (
        'subscribe = \'{"add": {symbols}, "token": "{key}"}\'\nunsubscribe = \'{"remove": {symbols}}\''
    ),
    "all the market": 'subscribe = \'{"op": "subscribe"}\'',
    "steps": "trades = 'data.0.trades'\nprice = '3'\nonly = { \"arg.channel\" = 'trades' }",
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_not_complained_of(name, tmp_path):
    assert problems_of(tmp_path, HEAD + RIGHT[name]) == []


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("", ()),
        ('hello = [\'{"key": "{key}"}\']', ("key",)),
        ("hello = ['{secret}', '{key}']", ("key", "secret")),
        ('subscribe = \'{"token": "{secret}", "s": "{symbol}"}\'', ("secret",)),
    ],
)
def test_a_key_is_needed_if_a_message_has_a_place_for_it(text, needs, tmp_path):
    file = tmp_path / "watch.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    config, _ = check(file)
    assert config is not None
    (feed,) = config.feed
    assert VENDORS["json"].needs(feed) == needs


def test_a_key_goes_into_the_url_and_is_escaped_there(tmp_path):
    file = tmp_path / "watch.toml"
    file.write_text(HEAD.replace(".com/", ".com/?token={key}"), encoding="utf-8")
    config, _ = check(file)
    assert config is not None
    (feed,) = config.feed
    assert VENDORS["json"].needs(feed) == ("key",)
    assert addresses.urls(feed, Credentials("a&b=c"), []) == ["wss://feed.example.com/?token=a%26b%3Dc"]

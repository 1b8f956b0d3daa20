"""Each value of a TOML text is found on its line."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.check.lines import Lines, Spot

TEXT = '''\
# a comment with [brackets] = and "quotes"
name = "a # no comment"
redis.url = "x"          # dotted key

[[watch]]
symbol = 'SPX'
note = """
[not] a = header
with \\""" quotes"""""
since = 1979-05-27 07:32:00
timeframes = [ "1m", # one
  "5m",

  "1h" ]
level = [
  { price = 7000, name = "a" },
  { price = 6790 } ]

  [[watch.zone]]
  low = 1
  [watch.zone.deep]
  x = {y = {"quoted key" = [[1], [
    2]]}}

[["watch"]]
[[watch.zone]]
low = 2
text = \'\'\'
it's
\'\'\'
after = 1
'''


@pytest.mark.parametrize(
    ("spot", "line"),
    [
        (("name",), 2),
        (("redis", "url"), 3),
        (("watch", 0), 5),
        (("watch", 0, "symbol"), 6),
        (("watch", 0, "note"), 7),
        (("watch", 0, "since"), 10),
        (("watch", 0, "timeframes", 0), 11),
        (("watch", 0, "timeframes", 1), 12),
        (("watch", 0, "timeframes", 2), 14),
        (("watch", 0, "level", 0, "name"), 16),
        (("watch", 0, "level", 1, "price"), 17),
        (("watch", 0, "zone", 0, "low"), 20),
        (("watch", 0, "zone", 0, "deep"), 21),
        (("watch", 0, "zone", 0, "deep", "x", "y", "quoted key", 1, 0), 23),
        (("watch", 1), 25),
        (("watch", 1, "zone", 0), 26),
        (("watch", 1, "zone", 0, "low"), 27),
        (("watch", 1, "zone", 0, "after"), 31),
    ],
)
def test_a_value_is_on_its_line(spot: Spot, line: int):
    assert Lines(TEXT).of(spot) == line


def test_what_is_missing_is_looked_for_at_the_table_around_it():
    assert Lines(TEXT).of(("watch", 0, "zone", 0, "high")) == 19
    assert Lines(TEXT).of(("route", 0, "receivers")) == 1


def spots(data: Any, spot: Spot = ()) -> Iterator[Spot]:
    yield spot
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in children:
        yield from spots(value, (*spot, key))


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6)
literals = texts.map(lambda text: "'" + text.replace("'", "") + "'")
multiline = texts.map(lambda text: '"""\n' + text.replace("\\", "").replace('"""', "") + '\n\\""" x"""')
scalars = (
    st.sampled_from(["7000", "-1.5e3", "true", "1979-05-27 07:32:00", '"a\\"]#"', "''"])
    | literals
    | multiline
)
keys = st.sampled_from(["a", "b-1", '"c d"', "'e.f'", "g . h", '"\\u00e9"'])


def inline(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arrays = st.lists(children, max_size=3).map(lambda parts: "[ " + ", # x]\n".join(parts) + "\n]")
    tables = st.dictionaries(keys, children, max_size=2).map(
        lambda pairs: "{ " + ", ".join(f"{key} = {value}" for key, value in pairs.items()) + " }"
    )
    return arrays | tables


values = st.recursive(scalars, inline, max_leaves=6)
tables = st.dictionaries(keys, values, max_size=3).map(
    lambda pairs: "".join(f"{key}= {value} # = [\n" for key, value in pairs.items())
)
headers = st.sampled_from(["", "[[t]]\n", "[[ t . u ]]\n", '["s"]\n', "[r.q]\n"])
documents = st.lists(st.tuples(headers, tables), max_size=4).map(
    lambda parts: "".join(h + t for h, t in parts)
)


@given(text=documents)
def test_whatever_tomllib_reads_has_a_line(text: str):
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # a table or key twice
    lines = Lines(text)
    assert [spot for spot in spots(data) if spot not in lines] == []

"""Every mistake is named with its line, its key and what would be right, all of them in one run."""

from pathlib import Path

import pytest
from config_cases import CLEAN, MISTAKES, WARNINGS, WATCH
from hypothesis import given, settings
from hypothesis import strategies as st

from tapewatch.check import Config, ConfigError, check, load
from tapewatch.market.sessions import why_not
from thorough import examples

SP500 = Path(__file__).parents[2] / "config/sp500.toml"
BTC = Path(__file__).parents[2] / "config/btc.toml"


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


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_named_with_line_key_and_what_would_be_right(case: str, tmp_path: Path):
    text, key, right = MISTAKES[case]
    (problem,) = problems_of(tmp_path, text)
    assert (problem.line, problem.key, problem.severity) == (marked_line(text), key, "error")
    assert right in problem.message
    assert str(problem).startswith(f"{tmp_path / 'watch.toml'}:{problem.line}: error: {key}")


@pytest.mark.parametrize("case", WARNINGS)
def test_a_warning_is_given_and_the_config_is_usable(case: str, tmp_path: Path):
    text, message = WARNINGS[case]
    (problem,) = problems_of(tmp_path, text)
    assert (problem.line, problem.severity) == (marked_line(text), "warning")
    assert message in problem.message
    assert load(tmp_path / "watch.toml").name == "test"


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


@pytest.mark.random
@settings(max_examples=examples(300), deadline=None)
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

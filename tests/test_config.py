"""The models of the config: defaults, what a watch needs, secrets, the state folder, the JSON Schema."""

import tomllib
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from tapewatch.config import Config, Email, Level, Watch, Zone, json_schema, state_dir
from tapewatch.market.ticks import NS
from tapewatch.problems import ConfigError
from tapewatch.values import hours_ns, percent, span_ns

SP500 = Path(__file__).parents[1] / "config/sp500.toml"


def config(**keys: object) -> Config:
    return Config.model_validate({"name": "test", "watch": [{"symbol": "SPX"}], **keys})


@pytest.mark.parametrize(
    "address",
    ["desk", "", "a@example.com, b@example.com", "x@example.com\r\nBcc: y@example.com", "Tape, W <a@b.c>"],
)
@pytest.mark.parametrize("key", ["sender", "to"])
def test_what_is_no_address_is_refused(key: str, address: str) -> None:
    keys = {"sender": "tape@example.com", "to": ["Risk <risk@example.com>"]}
    wrong = keys | {key: address if key == "sender" else [address]}
    with pytest.raises(ValidationError, match="is no address"):
        Email.model_validate({"name": "mail", "kind": "email", "host": "127.0.0.1"} | wrong)


def test_a_level_without_a_name_is_called_by_its_price():
    assert Level(price=7000).name == "7000"
    assert Level(price=3075.5).name == "3075.5"
    assert Zone(low=6950, high=6970.25).name == "6950-6970.25"
    assert Level(price=7000, name="breakout").name == "breakout"


def test_timeframes_of_conditions_and_confirmations_are_added_shortest_first():
    watch = Watch(
        symbol="SPX",
        timeframes=["1d", "5m"],
        level=[Level(price=7000, confirm="2h")],
        zone=[Zone(low=1, high=2, confirm="30m")],
        condition=[{"name": "a", "when": "rsi(14)@15m crosses rsi(14)@1h"}],
    )
    assert watch.all_timeframes() == ["5m", "15m", "30m", "1h", "2h", "1d"]


@pytest.mark.parametrize(
    ("keys", "needed"),
    [
        ({"when": "price crosses vwap@5m"}, {"5m", "1d"}),
        ({"when": "price crosses previous.high"}, {"1d"}),
        ({"when": "price up 1% in 30m"}, {"1m"}),
        ({"when": "session.high > 7000"}, {"1d"}),
        ({"when": "price > 7000", "on": "15m"}, {"15m"}),
        ({"when": "price > sma(50)@5m", "on": "close"}, {"5m"}),
        ({"when": "price > 7000", "on": "tick"}, set()),
    ],
)
def test_a_watch_has_the_timeframes_that_its_conditions_need(keys: dict, needed: set[str]):
    watch = Watch(symbol="SPX", timeframes=["2h"], indicators=[], condition=[{"name": "a", **keys}])
    assert set(watch.all_timeframes()) == {"2h", *needed}


def test_vwap_is_of_the_session_so_it_needs_the_days_bar():
    assert Watch(symbol="SPX", timeframes=["5m"], indicators=["vwap"]).all_timeframes() == ["5m", "1d"]


def test_a_composite_is_two_symbols_unless_the_feed_has_a_name_for_it():
    assert Watch(symbol="XLC/SPY").legs == ("XLC", "SPY")
    assert Watch(symbol="BTC/USD", feed_symbol="X:BTC-USD").legs is None
    assert Watch(symbol="SPY").legs is None


def test_durations_and_hours_are_read_in_nanoseconds():
    assert [span_ns(text) for text in ("90s", "5m", "2 h", "0s")] == [90 * NS, 300 * NS, 7200 * NS, 0]
    assert hours_ns("9:45 - 15:45") == (35100 * NS, 56700 * NS)
    assert hours_ns("00:00–24:00") == (0, 86400 * NS)


def test_indicators_of_conditions_come_after_the_watchs_own():
    watch = Watch(
        symbol="SPX",
        indicators=["sma(50)", "RSI( 14 )"],
        condition=[
            {"name": "a", "when": "macd.hist@1d crosses 0"},
            {"name": "b", "when": "price crosses sma(50)@1d"},
            {"name": "c", "when": "rsi(9)@1d diverges"},
        ],
    )
    assert list(map(str, watch.all_indicators())) == ["sma(50)", "rsi(14)", "macd(12,26,9)", "rsi(9)"]
    assert watch.indicators == ["sma(50)", "rsi(14)"]


def test_a_percentage_is_read_as_a_fraction():
    assert percent("0.1%") == pytest.approx(0.001)
    assert percent("2 %") == pytest.approx(0.02)
    assert percent("5") is None


def test_a_watch_takes_the_only_feed_or_the_one_it_names():
    a, b = ({"name": name, "vendor": "massive"} for name in "ab")
    one = config(feed=[a])
    assert one.feed_of(one.watch[0]) == one.feed[0]
    two = config(feed=[a, b], watch=[{"symbol": "SPX", "feed": "b"}, {"symbol": "SPY"}])
    assert two.feed_of(two.watch[0]) == two.feed[1]
    assert two.feed_of(two.watch[1]) is None


def test_a_secret_comes_from_the_environment_then_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "desk.url"
    file.write_text("https://from-file\n")
    mine = config()
    assert mine.secret("receiver", "desk-1.a", "url", file) == "https://from-file"
    monkeypatch.setenv("TAPEWATCH_RECEIVER_DESK_1_A_URL", "https://from-environment")
    assert mine.secret("receiver", "desk-1.a", "url", file) == "https://from-environment"
    assert mine.secret("feed", "tape", "key") is None


def test_systemds_credential_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/tape.key").write_text("from-systemd")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    assert config().secret("feed", "tape", "key", tmp_path / "only-root-may-read/tape.key") == "from-systemd"


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), (b" \n", "is empty"), (b"\xff", "UTF-8")]
)
def test_a_secret_file_that_holds_no_secret_is_named(content: bytes | None, reason: str, tmp_path: Path):
    file = tmp_path / "tape.key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"tape\.key: error: .*{reason}"):
        config().secret("feed", "tape", "key", file)


def test_the_redis_url_is_the_configs_then_its_files_then_the_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "redis.url"
    file.write_text("redis://file\n")
    assert config().redis_url() is None
    monkeypatch.setenv("TAPEWATCH_REDIS_URL", "redis://environment")
    assert config().redis_url() == "redis://environment"
    assert config(redis={"url_file": file}).redis_url() == "redis://file"
    assert config(redis={"url_file": file, "url": "unix:///redis.sock"}).redis_url() == "unix:///redis.sock"


def test_what_may_hold_a_secret_is_in_no_repr():
    hook = {"name": "a", "kind": "webhook", "url": "https://example.com/HUSH"}
    shown = repr(config(redis={"url": "redis://:HUSH@host"}, receiver=[hook]))
    assert "HUSH" not in shown
    with pytest.raises(ValueError, match="redis") as error:
        config(redis={"url": "http://:HUSH@host"})
    assert "HUSH" not in str(error.value)


def test_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_dir(config()) == tmp_path / "tapewatch/test"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/tapewatch:/var/lib/other")
    assert state_dir(config()) == Path("/var/lib/tapewatch")
    assert state_dir(config(state_dir="/srv/state")) == Path("/srv/state")


def test_the_json_schema_takes_the_default_watch_and_refuses_a_wrong_one():
    schema = json_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    data = tomllib.loads(SP500.read_text(encoding="utf-8"))
    validator.validate(data)
    data["watch"][0]["condition"][0] |= {
        "for": "5m",
        "on": "close",
        "frequency": "once",
        "hours": "10:00-11:00",
    }
    validator.validate(data)
    data["watch"][0]["level"][0]["prise"] = data["watch"][0]["level"][0].pop("price")
    assert {error.validator for error in validator.iter_errors(data)} == {"additionalProperties", "required"}

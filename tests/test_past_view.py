"""`tapewatch history SYMBOL` on a vendor's server and on files."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.responses import JSONResponse

from commands import Command, command
from feeds.bar_servers import Market, regular_minutes, served
from tapewatch.market.sessions import sessions

tapewatch = pytest.fixture(command)

CONFIG = """
name = "t"
state_dir = "state"

[[feed]]
name = "tape"
vendor = "massive"
url = "ws://127.0.0.1:9/"
{feed}

[[watch]]
symbol = "SPY"
timeframes = ["1m", "1d"]
indicators = ["sma(4)"]
{watch}
"""
KEY = "key-0123456789"


@pytest.fixture
def market() -> Market:
    """SPY, of the last weeks to now."""
    today = datetime.now(UTC).date()
    own = Market(sessions("XNYS"), SPY=regular_minutes(sessions("XNYS"), today - timedelta(30), today))
    own.now = time.time_ns()
    return own


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPEWATCH_FEED_TAPE_KEY", KEY)
    return tmp_path


def write(folder: Path, feed: str = "", watch: str = "") -> None:
    (folder / "config.toml").write_text(CONFIG.format(feed=feed, watch=watch))


def test_a_vendor_that_has_all(tapewatch: Command, folder: Path, market: Market) -> None:
    with served(market) as url:
        write(folder, f'history_url = "{url}"\nwarm_up = 10')
        said = tapewatch("history", "SPY", "-c", "config.toml", "--json")
        shown = tapewatch("history", "SPY", "-c", "config.toml")
    before = {own["timeframe"]: own for own in json.loads(said.out) if own["part"] == "before"}
    assert {name: (own["source"], own["interval"], own["bars"]) for name, own in before.items()} == {
        "1m": ("massive", "1m", 10),
        "1d": ("massive", "1d", 10),
    }
    assert (said.code, shown.code) == (0, 0)
    assert "10 of 10" in shown.out
    assert list((folder / "state/history").rglob("*.npz"))


def test_what_is_missing_and_why(tapewatch: Command, folder: Path, market: Market) -> None:
    with served(market) as url:
        write(folder, f'history_url = "{url}"\nwarm_up = 250')
        said = tapewatch("history", "SPY", "-c", "config.toml", "--json")
        market.troubles = [JSONResponse({"message": f"no such plan for {KEY}"}, status_code=403)] * 10
        refused = tapewatch("history", "SPY", "-c", "config.toml", "--json")
    assert (said.code, refused.code) == (1, 1)
    days = next(own for own in json.loads(said.out) if own["timeframe"] == "1d")
    assert days["missing"].startswith(f"{250 - days['bars']} bars: none before ")
    missing = [own["missing"] for own in json.loads(refused.out) if own["part"] == "before"]
    assert all("HTTP 403, no such plan for ***" in own for own in missing)
    assert KEY not in refused.out + refused.err


def test_without_a_vendor(tapewatch: Command, folder: Path) -> None:
    write(folder)
    said = tapewatch("history", "SPY", "-c", "config.toml")
    assert said.code == 1
    assert "no file has them, and no vendor is asked" in " ".join(said.out.split())


def test_a_key_is_needed_only_where_the_vendor_is(
    tapewatch: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TAPEWATCH_FEED_TAPE_KEY")
    rows, day = ["date,close"], datetime.now(UTC).date() - timedelta(400)
    while day < datetime.now(UTC).date():
        rows += [f"{day},10"] if sessions("XNYS").of_date(day) else []
        day += timedelta(1)
    (folder / "days.csv").write_text("\n".join(rows) + "\n")
    write(folder, 'history_url = "http://127.0.0.1:9"', 'history = ["days.csv"]')
    said = tapewatch("history", "SPY", "-c", "config.toml")
    assert (said.code, said.err.partition(":")[0]) == (2, "error"), "1m is the vendor's"
    assert "TAPEWATCH_FEED_TAPE_KEY" in said.err


def test_a_symbol_that_nobody_watches(tapewatch: Command, folder: Path) -> None:
    write(folder)
    said = tapewatch("history", "SPX", "-c", "config.toml")
    assert (said.code, said.err) == (2, "error: no watch has the symbol 'SPX': did you mean \"SPY\"?\n")

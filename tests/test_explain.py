"""`tapewatch explain`: what was committed is told again, and it is right."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from redis.asyncio import Redis
from rich.console import Console

from alerts.alert_tapes import tape
from alerts.traced import WALK, WATCH
from commands import Command, command
from notify import sample_alerts
from tapewatch import explain, explain_view
from tapewatch.alerts.alert import encode
from tapewatch.alerts.comparisons import Comparison
from tapewatch.alerts.feed_alert import Back, back
from tapewatch.alerts.trace import Trace, TraceBar, TraceTick
from tapewatch.config import Config
from tapewatch.explain import AlertIdError, Explanation, NoAlertError
from tapewatch.replay import FLUSH_AFTER, Replay, Stretch
from tapewatch.store.commit import Commit, Fired, Store
from tapewatch.store.keys import Keys
from tapewatch.store.server import open_redis

LEVEL: dict[str, Any] = {"name": "breakout", "price": 7000, "confirm": "1m"}
PLAIN: dict[str, Any] = {"rearm": 7.0, "level": [LEVEL]}
TAPE = "6990 6998.25 7000.25 7001 09:31=6999"


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """A Redis that is none of the instance's own."""
    async with open_redis(None, tmp_path / "other"):
        yield f"unix://{tmp_path / 'other/redis/redis.sock'}"


@pytest.fixture
async def redis(url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(url) as redis:
        yield redis


def instance(url: str, folder: Path, **watch: Any) -> Config:
    plain = {"symbol": "SPX", "title": "S&P 500", "timeframes": ["1m"], "indicators": []}
    fields = {"name": "test", "state_dir": folder, "redis": {"url": url}, "watch": [plain | watch]}
    return Config.model_validate(fields)


async def stored(config: Config, ticks: Any) -> list[Any]:
    """As `replay --store` does it; returns the alerts."""
    replay = Replay(config, keep_alerts=True)
    end = int(ticks["time"][-1]) + FLUSH_AFTER
    fired = [alert for some in replay.run([Stretch(Path(), ticks, end)]) for alert in some]
    await replay.commit()
    return fired


def shown(own: Explanation) -> str:
    console = Console(width=120, highlight=False)
    with console.capture() as capture:
        explain_view.show(own, console)
    return capture.get()


async def test_an_alert_is_explained_with_its_ticks_its_bars_and_its_rule(url: str, tmp_path: Path) -> None:
    config = instance(url, tmp_path, **PLAIN)
    crossed, confirmed, *_ = await stored(config, tape(TAPE))
    text = shown(await explain.read(config, crossed.id[:6]))
    for part in (
        "▲ S&P 500 crossed above 7,000, at 7,000.25",
        "2026-01-28 09:30:02 EST (14:30:02 UTC)",
        "level 7,000, re-arm band 7 points, confirm 1m",
        "unchanged since",
        "The price before was 6,998.25, below 7,000.",
        "The level was armed, so the first price at or above 7,000 fires: 7,000.25.",
        "▶  09:30:02.000  7,000.25",
        "1m   28 Jan 09:30  6,990.00  7,000.25  6,990.00  7,000.25       0  forming",
    ):
        assert part in text
    text = shown(await explain.read(config, confirmed.id))
    assert "Fired by   the close of a bar of 1m" in text
    assert "The 1m bar closed at 7,001.00, at or above 7,000." in text
    assert "6,990.00  7,001.00  6,990.00  7,001.00       0  closed" in text


async def test_every_kind_of_alert_is_told_in_true_sentences(url: str, tmp_path: Path) -> None:
    config = instance(url, tmp_path, **WATCH)
    kinds = {alert.type + alert.data.rule: alert for alert in await stored(config, WALK[:2500])}
    assert len(kinds) > 20
    for alert in kinds.values():
        own = await explain.read(config, alert.id)
        assert own.alert == alert
        assert own.trace is not None
        program = json.loads(json.dumps(explain.as_json(own)))
        assert program["why"]
        assert program["trace"]["ticks"]
        assert program["rule"] == {"words": own.trace.rule, "unchanged": True}
        assert all(sentence in shown(own) for sentence in program["why"])


async def test_a_rule_that_the_config_has_otherwise_by_now_is_told(url: str, tmp_path: Path) -> None:
    alert, *_ = await stored(instance(url, tmp_path, **PLAIN), tape(TAPE))
    changed = instance(url, tmp_path, rearm=5.0, level=[LEVEL])
    assert "changed since: level 7,000, re-arm band 5 points, confirm 1m" in shown(
        await explain.read(changed, alert.id)
    )
    renamed = instance(url, tmp_path, level=[LEVEL | {"name": "other"}])
    assert "has no such rule any more" in shown(await explain.read(renamed, alert.id))
    noted = instance(url, tmp_path, rearm=7.0, level=[LEVEL | {"note": "New words change nothing."}])
    assert "unchanged since" in shown(await explain.read(noted, alert.id))


async def test_where_price_is_now_comes_from_the_now_hash(url: str, redis: Redis, tmp_path: Path) -> None:
    config = instance(url, tmp_path, **PLAIN)
    alert, *_ = await stored(config, tape(TAPE))
    fields = {"price": "6961.25", "time": "2026-01-28T14:31:07Z", "time_ns": "1769610667000000000"}
    await redis.hset(Keys("test").now("SPX"), mapping=fields)
    own = await explain.read(config, alert.id)
    assert "6,961.25 at Wed 28 Jan 2026 09:31:07 EST, 38.75 below 7,000" in shown(own)
    assert explain.as_json(own)["now"]["level"]["distance"] == 38.75


async def commit(redis: Redis, *fired: Fired) -> None:
    store = Store(redis, "test")
    await store.open()
    await store.commit(Commit(store.sequence + 1, {}, fired), {fired[0].alert.id: ["desk"]})


@pytest.mark.parametrize("trace", [b"", b"{", b'{"by": "wish"}'])
async def test_without_a_trace_the_rest_is_told(url: str, redis: Redis, tmp_path: Path, trace: bytes) -> None:
    config = instance(url, tmp_path, **PLAIN)
    alert, *_ = await stored(instance(url, tmp_path / "else", **PLAIN), tape("6990 7001"))
    await redis.flushdb()
    await commit(redis, Fired(alert, encode(alert), trace))
    own = await explain.read(config, alert.id)
    assert own.trace is None
    assert own.delivered == ("desk",)
    text = shown(own)
    assert "not kept" in text
    assert "level 7,000" in text
    assert "sent to desk while Redis was away" in text


async def test_what_is_about_a_feed_has_no_rule_and_no_price(url: str, redis: Redis, tmp_path: Path) -> None:
    alert = back("test", "tape", Back((), 125.0, 1769610667 * 10**9, ZoneInfo("UTC")))
    await commit(redis, Fired(alert, encode(alert)))
    own = await explain.read(instance(url, tmp_path), alert.id)
    assert (own.rule, own.now, own.trace) == (None, None, None)
    assert "Feed tape is back after 2 min 5 s" in shown(own)
    assert "Config" not in shown(own)


async def test_nothing_in_an_alert_draws_on_the_terminal(url: str, redis: Redis, tmp_path: Path) -> None:
    """Whoever may write to the stream may write this."""
    odd = "a\x1b[2J\x07[bold]b\nc"
    alert = sample_alerts.alert(text=odd, note=odd, rule=odd, title=odd, next=odd, cold=(odd,))
    bar = TraceBar(odd, "2026-01-28T14:30:00.000000000Z", 1.0, 1.0, 1.0, 1.0, 1.0, forming=True)
    tick = TraceTick("1769610667123456789", 1.0, 1.0, odd)
    compared = (Comparison(odd, 1.0, ">=", 1.0, odd),)
    trace = Trace(odd, "tick", odd, comparisons=compared, bars=(bar,), ticks=(tick,))
    await commit(redis, Fired(alert, encode(alert), msgspec.json.encode(trace)))
    text = shown(await explain.read(instance(url, tmp_path), alert.id))
    assert not {"\x1b", "\x07"} & set(text)
    assert text.count("a [2J [bold]b c") > 7


async def test_an_id_must_be_one_and_be_there(url: str, redis: Redis, tmp_path: Path) -> None:
    config = instance(url, tmp_path, **PLAIN)
    twins = [sample_alerts.alert(id=f"abcdef{n:02}" + 24 * "0") for n in (1, 2)]
    await commit(redis, *(Fired(alert, encode(alert)) for alert in twins))
    for wrong in ("abcde", "xyzxyz", "", "abcdef*", 33 * "a"):
        with pytest.raises(AlertIdError, match="first 6 or more"):
            await explain.read(config, wrong)
    with pytest.raises(AlertIdError, match=r"2 alerts .* abcdef01.*, abcdef02"):
        await explain.read(config, "abcdef")
    assert (await explain.read(config, "ABCDEF02")).alert == twins[1]
    with pytest.raises(NoAlertError, match=r"no alert of test .* 123456; .*100,000 are kept"):
        await explain.read(config, "123456")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command(monkeypatch, capsys)


def test_the_command_s_exit_codes(run: Command, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('name = "test"\nstate_dir = "state"\n[[watch]]\nsymbol = "SPX"\n', encoding="utf-8")
    outcome = run("explain", "abc", "--config", file)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "'abc' is no alert's id" in outcome.err
    assert run("explain", "abcdef", "--config", file).code == 1, "no daemon runs there"

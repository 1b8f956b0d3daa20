"""What Prometheus reads is what the parts did, under the names that docs/operations.md lists."""

import re
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

import vital_parts
from tapewatch.background import background
from tapewatch.feeds.connection import State
from tapewatch.feeds.protocol import FaultKind
from tapewatch.ops.metrics import RULES, Metrics
from tapewatch.store.keys import Keys
from tapewatch.store.lease import Lease
from tapewatch.vitals import Role, Vitals

PAGE = Path(__file__).parents[2] / "docs/operations.md"
ROW = re.compile(r"^\| `((?:tapewatch|process|python)_\w+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def text(vitals: Vitals) -> str:
    return Metrics(vitals).exposition()[0].decode()


def scraped(vitals: Vitals) -> Samples:
    """Every sample by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text(vitals))
        for sample in family.samples
    }


def at(samples: Samples, metric: str, /, **labels: str) -> float | None:
    return samples.get((f"tapewatch_{metric}", frozenset(labels.items())))


def of(samples: Samples, name: str) -> Iterable[dict[str, str]]:
    return [dict(labels) for own, labels in samples if own == f"tapewatch_{name}"]


async def test_the_docs_list_every_metric_with_its_type_and_labels(leader: Vitals, redis: Redis) -> None:
    assert leader.leading is not None
    leader.lease = Lease(redis, Keys("test"), "me")
    leader.connections[0].last_frame = 1.0
    leader.leading.path.ticks(1, vital_parts.ticks("ETH/USD", "99.5 100.5 10:30=101"), 0)

    exposed = text(leader)
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(exposed):
        for sample in family.samples:
            name = (
                re.sub(r"_(bucket|sum|count)$", "", sample.name)
                if family.type == "histogram"
                else sample.name
            )
            labels.setdefault(name, set()).update(sample.labels.keys() - {"le"})
    types = re.findall(r"^# TYPE (\w+) (\w+)$", exposed, re.MULTILINE)
    listed = {
        name: (kind, set(re.findall(r"`(\w+)`", cell)))
        for name, kind, cell in ROW.findall(PAGE.read_text(encoding="utf-8"))
    }
    assert listed == {name: (kind, labels[name]) for name, kind in types}


async def test_what_the_engine_did_is_counted(leader: Vitals) -> None:
    assert leader.leading is not None
    path = leader.leading.path
    path.ticks(1, vital_parts.ticks("ETH/USD", "99.5 100.5 99.4 -1"), 0)
    path.ticks(1, vital_parts.ticks("ETH/USD", "10:30=100.5 10:31=101"), 0)
    found = scraped(leader)
    assert at(found, "ticks_refused_total", reason="price") == 1
    assert at(found, "ticks_refused_total", reason="late") == 0
    assert at(found, "batch_ticks_sum") == 6
    assert at(found, "batch_ticks_count") == 2
    assert at(found, "batch_ticks_bucket", le="4.0") == 2
    assert at(found, "step_seconds_count") == 2
    assert at(found, "step_seconds_bucket", le="+Inf") == 2
    assert at(found, "bars_closed_total", timeframe="1m") == path.engine.bars_closed()["1m"] > 1
    assert at(found, "state_bytes") == path.engine.nbytes
    assert sum(at(found, "alerts_total", **labels) or 0 for labels in of(found, "alerts_total")) == 3
    assert {labels["rule"] for labels in of(found, "alerts_total")} == {"round"}
    assert at(found, "watches") == 2


async def test_commits_and_deliveries_are_counted(leader: Vitals, redis: Redis) -> None:
    assert leader.leading is not None
    parts, worker = leader.leading, leader.leading.workers["desk"]
    parts.path.ticks(1, vital_parts.ticks("ETH/USD", "99.5 100.5"), 0)
    async with background(parts.writer.run(), worker.run()):
        await parts.writer.drain(10)
        assert await worker.drain(10)
    found = scraped(leader)
    assert at(found, "deliveries_total", receiver="desk", outcome="sent") == 1
    assert at(found, "deliveries_total", receiver="desk", outcome="gave_up") == 0
    assert at(found, "delivery_retries_total", receiver="desk") == 0
    assert at(found, "delivery_seconds_count", receiver="desk") == 1
    assert at(found, "deliveries_waiting", receiver="desk") == 0
    assert (at(found, "commit_seconds_count") or 0) >= 1
    assert at(found, "commit_failures_total") == 0
    assert (at(found, "redis_up"), at(found, "spool_bytes"), at(found, "ready")) == (1, 0, 1)


async def test_a_redis_that_is_away_shows_in_the_spool(leader: Vitals, redis: Redis) -> None:
    assert leader.leading is not None
    parts = leader.leading
    async with background(parts.writer.run()):
        await redis.shutdown(nosave=True)
        parts.path.ticks(1, vital_parts.ticks("ETH/USD", "99.5 100.5"), 0)
        await vital_parts.until(lambda: parts.writer.away_since is not None and leader.spool.size > 0)  # type: ignore[union-attr]
        found = scraped(leader)
    assert (at(found, "redis_up"), at(found, "ready")) == (0, 0)
    assert (at(found, "spool_bytes") or 0) > 100
    assert (at(found, "commit_failures_total") or 0) >= 1


def test_each_feed_says_how_it_is(leader: Vitals) -> None:
    wall = leader.connections[0]
    wall.state = State.LOGGING_IN
    wall.faults[FaultKind.WRONG_TYPE] += 3
    wall.reconnects = 2
    found = scraped(leader)
    states = {
        state: at(found, "feed_state", feed="btc", state=state) for state in ("logging_in", "subscribed")
    }
    assert states == {"logging_in": 1, "subscribed": 0}
    assert at(found, "feed_state", feed="tape", state="subscribed") == 1
    assert at(found, "feed_faults_total", feed="btc", kind="wrong_type") == 3
    assert at(found, "feed_faults_total", feed="tape", kind="wrong_type") == 0
    assert at(found, "feed_reconnects_total", feed="btc") == 2
    assert at(found, "feed_stale", feed="btc") == 0
    assert [labels["feed"] for labels in of(found, "feed_lag_seconds")] == ["btc"], "a tape has none"
    assert of(found, "feed_last_frame_timestamp_seconds") == [], "there was none"


async def test_a_standby_has_the_counters_of_a_leader_at_0_and_no_gauge_of_what_is_not_there(
    redis: Redis, leader: Vitals
) -> None:
    vitals = vital_parts.standby(vital_parts.config(ha=True), redis)
    found = scraped(vitals)
    assert at(found, "role", role="standing_by") == 1
    assert at(found, "role", role="leading") == 0
    assert (at(found, "lease_held"), at(found, "lease_known"), at(found, "redis_up")) == (0, 0, 0)
    counted = {name for name in dict(found) if re.search(r"_(total|bucket|sum|count)$", name[0])}
    later = {"tapewatch_bars_closed_total", "tapewatch_alerts_total"}
    of_leader = {
        own
        for own in scraped(leader)
        if re.search(r"_(total|bucket|sum|count)$", own[0]) and own[0] not in later
    }
    assert of_leader <= counted, "an increase is seen from its first after a take-over"
    for name in ("state_bytes", "spool_bytes", "feed_stale", "deliveries_waiting"):
        assert not of(found, name), name
    assert at(scraped(leader), "lease_held") is None, "nobody stands by"


async def test_while_it_starts_nothing_is_said_of_redis() -> None:
    found = scraped(Vitals(vital_parts.config(), Role.STARTING))
    assert at(found, "ready") == 0
    assert at(found, "redis_up") is None
    assert at(found, "build_info", version="0.1.0", name="test") == 1


def test_of_very_many_rules_the_first_have_a_label_and_the_rest_share_one(leader: Vitals) -> None:
    assert leader.leading is not None
    by_rule = leader.leading.path.by_rule
    for number in range(3 * RULES):
        by_rule["tapewatch.level.crossed", f"level {number}"] += 1
        by_rule["tapewatch.level.failed", f"level {number}"] += 2
    found = scraped(leader)
    rules = {labels["rule"] for labels in of(found, "alerts_total")}
    assert rules == {"other", *(f"level {number}" for number in range(RULES))}
    assert at(found, "alerts_total", type="level.failed", rule="level 7") == 2
    assert at(found, "alerts_total", type="level.failed", rule="other") == 2 * 2 * RULES


def test_a_name_that_a_trader_gave_is_quoted_as_it_has_to_be(leader: Vitals) -> None:
    assert leader.leading is not None
    name = 'the "high"\\of\nMay {x="1"} 7000–7100'
    leader.leading.path.by_rule["tapewatch.level.crossed", name] = 1
    assert at(scraped(leader), "alerts_total", type="level.crossed", rule=name) == 1


def test_open_metrics_is_given_to_who_asks_for_it(leader: Vitals) -> None:
    plain, kind = Metrics(leader).exposition("text/plain")
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# EOF" not in plain
    body, kind = Metrics(leader).exposition("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    names = {family.name for family in open_metrics(body.decode())}
    assert {"tapewatch_feed_ticks", "tapewatch_step_seconds", "process_cpu_seconds"} <= names

"""What Prometheus gets: each metric read off the parts when it is asked for, so that a tick waits for none.

Counters and histograms of parts that only a leader has are 0 on a standby: an increase after it took over is then
seen from its first. Gauges of what is not there are left out. No label has a value for each symbol, and of rules
only the first 200 have one of their own.

Source: https://prometheus.io/docs/practices/naming/, https://prometheus.io/docs/instrumenting/writing_exporters/, and
https://prometheus.github.io/client_python/collector/custom/ for the collector.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from math import inf

import numpy as np
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from tapewatch import __version__
from tapewatch.alerts.alert import TYPE_PREFIX
from tapewatch.engine.events import REFUSALS
from tapewatch.feeds.connection import Connection, State
from tapewatch.feeds.protocol import FaultKind
from tapewatch.histogram import SECONDS, TICKS, Histogram
from tapewatch.notify.outcome import Outcome
from tapewatch.notify.worker import Counts
from tapewatch.ops.readiness import readiness
from tapewatch.vitals import Role, Vitals

RULES = 200
"""So many rules have a label of their own; all others are `other`."""

Labelled = Iterable[tuple[Sequence[str], float]]
"""The values of the labels, and what is counted."""


class Metrics:
    """The metrics of one process.

    Args:
        vitals: of the process, read at each exposition.
    """

    def __init__(self, vitals: Vitals) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(VitalsCollector(vitals))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """All of them now, and the content type.

        Args:
            accept: of the request; it may ask for OpenMetrics.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class VitalsCollector(Collector):
    """Reads a process's vitals."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def collect(self) -> Iterator[Metric]:
        """Every metric of ours."""
        yield from _process(self._vitals)
        yield from _feeds(self._vitals.connections)
        yield from _stale(self._vitals)
        yield from _engine(self._vitals)
        yield from _alerts(self._vitals)
        yield from _store(self._vitals)
        yield from _deliveries(self._vitals)
        yield from _lease(self._vitals)


def _process(vitals: Vitals) -> Iterator[Metric]:
    build = [((__version__, vitals.config.name), 1)]
    yield _gauge("build_info", "1, with the version and the name of the instance.", build, "version", "name")
    yield _gauge("role", "1 for what the process does, else 0.", _one_of(Role, vitals.role), "role")
    yield _gauge("ready", "1 if all holds that /readyz asks for, else 0.", _alone(readiness(vitals).ready))
    yield _gauge("watches", "Symbols watched.", _alone(len(vitals.config.watch)))
    reloads = [((outcome,), count) for outcome, count in vitals.reloads.items()]
    yield _counter("config_reloads", "Times that the config was read anew, by outcome.", reloads, "outcome")
    stalls = [((), vitals.stalls)]
    yield _histogram("event_loop_stall_seconds", "How late the event loop came to what was due.", stalls)


def _feeds(connections: Sequence[Connection]) -> Iterator[Metric]:
    own = [((connection.feed.name,), connection) for connection in connections]
    state = [((*name, *value), on) for name, feed in own for value, on in _one_of(State, feed.state)]
    yield _gauge("feed_state", "1 for the state of the feed's connection, else 0.", state, "feed", "state")
    frames = [(name, feed.frames) for name, feed in own]
    yield _counter("feed_frames", "Frames that came over the websocket.", frames, "feed")
    ticks = [(name, feed.ticks) for name, feed in own]
    yield _counter("feed_ticks", "Ticks that came, admitted or not.", ticks, "feed")
    reconnects = [(name, feed.reconnects) for name, feed in own]
    yield _counter("feed_reconnects", "Attempts to connect after the first.", reconnects, "feed")
    replaced = [(name, feed.replaced) for name, feed in own]
    yield _counter("feed_replaced", "Connections given up because they were mute.", replaced, "feed")
    faults = [((*name, _word(kind)), feed.faults[kind]) for name, feed in own for kind in FaultKind]
    yield _counter(
        "feed_faults", "Frames or messages that could not be read, by kind.", faults, "feed", "kind"
    )
    lags = [(name, feed.lag.seconds) for name, feed in own if feed.lag is not None]
    yield _gauge("feed_lag_seconds", "How late ticks come.", lags, "feed")
    offset = time.time() - time.monotonic()
    last = [(name, feed.last_frame + offset) for name, feed in own if feed.last_frame is not None]
    yield _gauge("feed_last_frame_timestamp_seconds", "When the last frame came, Unix time.", last, "feed")


def _stale(vitals: Vitals) -> Iterator[Metric]:
    leading = vitals.leading
    stale = [
        ((connection.feed.name,), leading.vigil.stale(number))
        for number, connection in enumerate(vitals.connections if leading else ())
        if leading
    ]
    yield _gauge("feed_stale", "1 if no tick comes while the market trades, else 0.", stale, "feed")


def _engine(vitals: Vitals) -> Iterator[Metric]:
    path = vitals.leading.path if vitals.leading else None
    counts = np.zeros(len(REFUSALS), int) if path is None else path.engine.refused.sum(axis=0)
    refused = [((reason,), count) for reason, count in zip(REFUSALS, counts.tolist(), strict=True)]
    yield _counter("ticks_refused", "Ticks that were not admitted, by reason.", refused, "reason")
    batches = [((), path.batches if path else Histogram(TICKS))]
    yield _histogram("batch_ticks", "Ticks that the engine took at once.", batches)
    steps = [((), path.steps if path else Histogram(SECONDS))]
    yield _histogram("step_seconds", "What the engine took for a batch, its alerts included.", steps)
    closed = path.bars_closed().items() if path else ()
    bars = [((timeframe,), count) for timeframe, count in closed]
    yield _counter("bars_closed", "Bars closed, those of history included.", bars, "timeframe")
    yield _gauge("state_bytes", "Size of the symbols' state.", _alone(path.engine.nbytes) if path else ())


def _alerts(vitals: Vitals) -> Iterator[Metric]:
    fired: Mapping[tuple[str, str], int] = vitals.leading.path.by_rule if vitals.leading else {}
    own = set(list(dict.fromkeys(rule for _, rule in fired))[:RULES])
    counts: Counter[tuple[str, str]] = Counter()
    for (kind, rule), count in fired.items():
        counts[kind.removeprefix(TYPE_PREFIX), rule if rule in own else "other"] += count
    yield _counter("alerts", "Alerts that fired.", counts.items(), "type", "rule")


def _store(vitals: Vitals) -> Iterator[Metric]:
    writer = vitals.leading.writer if vitals.leading else None
    commits = [((), writer.commits if writer else Histogram(SECONDS))]
    yield _histogram("commit_seconds", "What a commit to Redis took.", commits)
    failures = writer.failures if writer else 0
    yield _counter("commit_failures", "Commits that Redis did not answer, or refused.", _alone(failures))
    yield _gauge("redis_up", "1 if Redis answers, else 0.", _redis_up(vitals))
    size = _alone(vitals.spool.size) if vitals.spool else ()
    yield _gauge("spool_bytes", "What fired while Redis was away, and is not in Redis yet.", size)


def _redis_up(vitals: Vitals) -> Labelled:
    checks = {check.name: check.ok for check in readiness(vitals).checks}
    return _alone(checks["Redis"]) if "Redis" in checks else ()


def _deliveries(vitals: Vitals) -> Iterator[Metric]:
    workers = vitals.leading.workers if vitals.leading else {}
    names = [receiver.name for receiver in vitals.config.receiver]
    own = [((name,), workers[name].counts if name in workers else Counts()) for name in names]
    outcomes = [((*name, outcome), counts.outcomes[outcome]) for name, counts in own for outcome in Outcome]
    yield _counter("deliveries", "What became of alerts at a receiver.", outcomes, "receiver", "outcome")
    retried = [(name, counts.retried) for name, counts in own]
    yield _counter(
        "delivery_retries", "Attempts that failed and are followed by another.", retried, "receiver"
    )
    seconds = [(name, counts.seconds) for name, counts in own]
    help_ = "From when an alert was known to when the receiver had it."
    yield _histogram("delivery_seconds", help_, seconds, "receiver")
    waiting = [((name,), worker.waiting) for name, worker in workers.items()]
    yield _gauge("deliveries_waiting", "Alerts that a receiver is still to have.", waiting, "receiver")


def _lease(vitals: Vitals) -> Iterator[Metric]:
    lease = vitals.lease
    held, known = (lease.held(), lease.leader is not None) if lease else (False, False)
    yield _gauge("lease_held", "1 if nobody else can lead, else 0.", _alone(held) if lease else ())
    yield _gauge("lease_known", "1 if some process is known to lead, else 0.", _alone(known) if lease else ())


def _alone(value: float) -> Labelled:
    return [((), value)]


def _one_of(values: type[StrEnum], now: StrEnum) -> list[tuple[tuple[str], float]]:
    return [((_word(value),), value is now) for value in values]


def _word(value: StrEnum) -> str:
    """As a label's value: `standing_by`."""
    return value.replace(" ", "_")


def _gauge(name: str, help_: str, values: Labelled, *labels: str) -> Metric:
    metric = GaugeMetricFamily(f"tapewatch_{name}", help_, labels=labels)
    for own, value in values:
        metric.add_metric(own, value)
    return metric


def _counter(name: str, help_: str, values: Labelled, *labels: str) -> Metric:
    metric = CounterMetricFamily(f"tapewatch_{name}", help_, labels=labels)
    for own, value in values:
        metric.add_metric(own, value)
    return metric


def _histogram(
    name: str, help_: str, values: Iterable[tuple[Sequence[str], Histogram]], *labels: str
) -> Metric:
    metric = HistogramMetricFamily(f"tapewatch_{name}", help_, labels=labels)
    for own, histogram in values:
        buckets = [("+Inf" if bound == inf else str(bound), count) for bound, count in histogram.cumulative()]
        metric.add_metric(own, buckets, histogram.sum)
    return metric

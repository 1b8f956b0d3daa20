"""Alerts to store: SPX, or another symbol, crosses 7,000."""

from collections.abc import Mapping, Sequence

from tapewatch.alerts.alert import Alert, AlertData, encode
from tapewatch.engine.snapshot import Snapshot
from tapewatch.store.commit import Commit, Fired


def crossing(id_: str, symbol: str = "SPX") -> Alert:
    data = AlertData(
        rule="breakout",
        title="S&P 500",
        role="breakout",
        direction="up",
        price=7000.25,
        level=7000.0,
        distance=0.25,
        timeframe=None,
        indicators={"rsi(14)@1d": 59.1},
        gap=None,
        late=False,
        hours="regular",
        stage=None,
        follows=None,
        warm=True,
        severity="warning",
        next="7,100–7,200",
        note=None,
        text="S&P 500 crossed above 7,000",
        exchange_time="2026-01-28T09:31:07.123456789-05:00",
        zone="America/New_York",
        time_ns="1769610667123456789",
    )
    return Alert(
        id=id_,
        source="/tapewatch/sp500",
        type="tapewatch.level.crossed_up",
        subject=symbol,
        time="2026-01-28T14:31:07.123456789Z",
        data=data,
    )


def fired(*ids: str) -> list[Fired]:
    return [with_json(crossing(id_)) for id_ in ids]


def with_json(alert: Alert) -> Fired:
    return Fired(alert, encode(alert))


def commit(sequence: int, snapshots: Mapping[str, Snapshot], alerts: Sequence[Alert]) -> Commit:
    return Commit(sequence, snapshots, [with_json(alert) for alert in alerts])

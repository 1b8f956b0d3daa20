"""The program's alerts, in the shape in which the reference has its own."""

from typing import Any

from reference.replay import Alert


def alert_of(event: dict[str, Any]) -> Alert:
    """A CloudEvents line as the reference writes an alert."""
    data = event["data"]
    same = ("rule", "direction", "price", "gap", "hours", "stage", "follows", "timeframe")
    place = {key: data[key] for key in ("level", "low", "high") if key in data}
    return {
        "id": event["id"],
        "type": event["type"],
        "time_ns": int(data["time_ns"]),
        **{key: data[key] for key in same},
        **place,
    }


def rounded(alerts: list[Alert]) -> list[Alert]:
    """The alerts, with levels to twelve digits: that of a moving average is added up in another order."""
    return [
        alert | {"level": _to_twelve_digits(alert["level"])} if "level" in alert else alert
        for alert in alerts
    ]


def _to_twelve_digits(level: float | None) -> float | None:
    return None if level is None else float(f"{level:.12g}")

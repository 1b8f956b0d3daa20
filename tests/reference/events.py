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

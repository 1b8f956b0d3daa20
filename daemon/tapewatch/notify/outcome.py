"""What became of an alert at a receiver."""

from enum import StrEnum


class Outcome(StrEnum):
    """Why an alert was sent, or was not; the names stand in Redis and in what `tapewatch log` prints."""

    SENT = "sent"
    HAD_ALREADY = "had_already"
    """It was sent before: from the spool, or just before a crash."""
    NOT_ROUTED = "not_routed"
    """No route leads to this receiver."""
    MUTED = "muted"
    """The receiver's `mute`."""
    SILENCED = "silenced"
    """A silence; the detail is its id."""
    REFUSED = "refused"
    """The receiver will never take it: a dead letter; the detail says why."""
    GAVE_UP = "gave_up"
    """It failed for `give_up_after`: a dead letter; the detail says why."""
    UNREADABLE = "unreadable"
    """The entry of the stream holds no alert: a dead letter."""

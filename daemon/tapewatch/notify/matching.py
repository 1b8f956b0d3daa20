"""Whether an alert fits what a route, a receiver's `mute` or a silence says of it."""

from fnmatch import fnmatchcase
from typing import Protocol

from tapewatch.alerts.alert import TYPE_PREFIX, Alert


class Pattern(Protocol):
    """What is said of an alert; None says nothing."""

    @property
    def symbol(self) -> str | None: ...

    @property
    def rule(self) -> str | None: ...

    @property
    def type(self) -> str | None: ...

    @property
    def severity(self) -> str | None: ...


def matches(pattern: Pattern, alert: Alert) -> bool:
    """Whether everything that `pattern` says fits the alert.

    `symbol`, `rule` and `type` may hold `*` and `?` and tell upper from lower case; a `type` may leave out
    the `tapewatch.` that all types begin with (`level.*`).
    """
    return (
        _fits(pattern.symbol, alert.subject)
        and _fits(pattern.rule, alert.data.rule)
        and (_fits(pattern.type, alert.type) or _fits(pattern.type, alert.type.removeprefix(TYPE_PREFIX)))
        and pattern.severity in (None, alert.data.severity)
    )


def _fits(pattern: str | None, name: str) -> bool:
    return pattern is None or fnmatchcase(name, pattern)

"""A config that has changed while the daemon runs: SIGHUP asks for it to be read again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from tapewatch.config import Config
from tapewatch.problems import ConfigError

log = structlog.get_logger(__name__)

NEEDS_RESTART = ("name", "state_dir", "redis", "ha", "ha_redis_down", "feed", "receiver")
"""Keys of the config whose change is not taken over."""


@dataclass
class Reload:
    """When the config is to be read again, and how."""

    read: Callable[[], Config]
    """Reads and checks it; raises ConfigError."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by a signal."""
    latest: Config | None = None
    """The last one that was taken over."""

    def read_anew(self, config: Config) -> Config | None:
        """The config as it is now; None if it is wrong, needs a restart, or is as before, and the log says which."""
        self.asked.clear()
        try:
            new = self.read()
        except ConfigError as error:
            log.error("config.refused", reason=str(error))
            return None
        changed = [key for key in NEEDS_RESTART if getattr(new, key) != getattr(config, key)]
        if changed:
            log.error("config.refused", reason=f"a change of {', '.join(changed)} needs a restart")
            return None
        if new == config:
            log.info("config.unchanged")
            return None
        return new


def differences(old: Config, new: Config) -> dict[str, list[str] | bool]:
    """What changed: watches that are new, gone or other than before, and whether routes did."""
    before, after = ({watch.symbol: watch for watch in own.watch} for own in (old, new))
    return {
        "added": [symbol for symbol in after if symbol not in before],
        "removed": [symbol for symbol in before if symbol not in after],
        "changed": [symbol for symbol, own in after.items() if before.get(symbol, own) != own],
        "routes": new.route != old.route,
    }

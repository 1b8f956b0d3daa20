"""What a process has for as long as it runs, whether it leads or stands by."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from redis.asyncio import Redis

from tapewatch.charts.keeper import Keeper
from tapewatch.config import Config
from tapewatch.feeds.history import HistorySource
from tapewatch.feeds.protocol import Credentials
from tapewatch.notify.ledger import Ledgers
from tapewatch.notify.receivers import Receivers
from tapewatch.store.keys import Keys
from tapewatch.store.spool import Spool
from tapewatch.vitals import Vitals


@dataclass(frozen=True, eq=False)
class Base:
    """Opened at the start, closed at the end."""

    redis: Redis
    keys: Keys
    spool: Spool
    receivers: Receivers
    ledgers: Ledgers
    bars: Keeper
    """For charts."""
    credentials: Sequence[Credentials]
    """Per feed."""
    histories: Sequence[HistorySource | None]
    """Per feed."""
    outside: Mapping[str, str | None]
    """What `[redis]` and `[http]` were given from outside of the config, as `outside_of` has it."""
    member: str
    """A name that no other process has."""
    vitals: Vitals
    """What others see of it."""
    consumer: str
    """What it is called as a consumer of streams: those who follow it may be called so too."""
    fired: Counter[str] = field(default_factory=Counter)
    """Alerts of this process, by symbol, once it has led."""

    def having(self, alert_id: str) -> list[str]:
        """The receivers that were sent the alert."""
        return [name for name in self.receivers.built if self.ledgers.of(name).had(alert_id)]


def outside_of(config: Config) -> dict[str, str | None]:
    """What stands in files and variables that the tables `[redis]` and `[http]` name, by table and key.

    Raises:
        ConfigError: a file cannot be read, or does not fit.
    """
    return {"[redis] url": config.redis_url(), "[http] token": config.http_token()}

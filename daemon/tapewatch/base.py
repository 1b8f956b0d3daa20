"""What a process has for as long as it runs, whether it leads or stands by."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from redis.asyncio import Redis

from tapewatch.feeds.history import HistorySource
from tapewatch.feeds.protocol import Credentials
from tapewatch.notify.ledger import Ledger
from tapewatch.notify.sender import Sender
from tapewatch.store.keys import Keys
from tapewatch.store.spool import Spool
from tapewatch.vitals import Vitals


@dataclass(frozen=True, eq=False)
class Base:
    """Opened at the start, closed at the end."""

    redis: Redis
    keys: Keys
    spool: Spool
    senders: Mapping[str, Sender]
    """By receiver."""
    ledgers: Mapping[str, Ledger]
    """By receiver."""
    credentials: Sequence[Credentials]
    """Per feed."""
    histories: Sequence[HistorySource | None]
    """Per feed."""
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
        return [name for name, ledger in self.ledgers.items() if ledger.had(alert_id)]

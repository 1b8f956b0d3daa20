"""The one place that spells a Redis key or channel."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Keys:
    """Keys and channels of one instance.

    The braces are literal: they are a hash tag, so that all keys of an instance share a slot of Redis Cluster
    and one script may write them together.
    Source: Redis Cluster specification, "Hash tags", https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
    """

    instance: str
    """The config's `name`."""

    def _key(self, what: str) -> str:
        return f"tapewatch:{{{self.instance}}}:{what}"

    @property
    def snapshot(self) -> str:
        """Hash: `SYMBOL` → hot part, `SYMBOL/bars` → bars part."""
        return self._key("snapshot")

    @property
    def alerts(self) -> str:
        """Stream: the log of alerts, oldest first.

        An entry has `id`, `json` and `trace`; if it was in the spool, `delivered`: receivers that have it.
        """
        return self._key("alerts")

    @property
    def ids(self) -> str:
        """Set: the ids of the alerts in the stream."""
        return self._key("ids")

    @property
    def commit(self) -> str:
        """Hash: `sequence` of the last commit, fencing `token`."""
        return self._key("commit")

    def now(self, symbol: str) -> str:
        """Hash: last price, time and indicators of `symbol`, for people and other programs."""
        return self._key(f"now:{symbol}")

    @property
    def lease(self) -> str:
        """String: who leads, expiring."""
        return self._key("lease")

    @property
    def silences(self) -> str:
        """Hash: id → silence, as JSON."""
        return self._key("silences")

    @property
    def deliveries(self) -> str:
        """Stream: what became of each alert at each receiver."""
        return self._key("deliveries")

    def resend(self, receiver: str) -> str:
        """Stream: dead letters on their way to `receiver` again."""
        return self._key(f"resend:{receiver}")

    def dead(self, receiver: str) -> str:
        """Stream: deliveries to `receiver` that were given up."""
        return self._key(f"dead:{receiver}")

    def channel(self, symbol: str) -> str:
        """Channel that carries each alert of `symbol` once, as it is committed."""
        return f"tapewatch:{self.instance}:alerts:{symbol}"

    @property
    def channels(self) -> str:
        """Pattern of the channels of all symbols, for PSUBSCRIBE."""
        return self.channel("*")

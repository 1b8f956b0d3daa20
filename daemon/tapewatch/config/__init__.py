"""The whole config: the tables and keys of one TOML file, their defaults and their form.

`tapewatch.check` reads the file and checks what its parts mean together.
"""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from tapewatch import secrets
from tapewatch.config.feeds import (
    AlpacaFeed,
    CoinbaseFeed,
    Feed,
    FinnhubFeed,
    JsonFeed,
    KrakenFeed,
    MassiveFeed,
)
from tapewatch.config.receivers import Apprise, Console, Email, Match, Receiver, Route, Slack, Webhook
from tapewatch.config.table import Table
from tapewatch.config.watches import Condition, Level, Watch, Zone
from tapewatch.values import File, Name, RedisUrl

__all__ = [
    "AlpacaFeed", "Apprise", "CoinbaseFeed", "Condition", "Config", "Console", "Email", "Feed", "FinnhubFeed",
    "JsonFeed", "KrakenFeed", "Level", "MassiveFeed", "Match", "Receiver", "Redis", "Route", "Slack", "Table", "Watch",
    "Webhook", "Zone", "json_schema", "state_dir",
]  # fmt: skip


class Redis(Table):
    """Which Redis. Without a URL a server is started as a child, its data in the state folder."""

    url: RedisUrl | None = Field(default=None, description="It may hold a password, and is shown nowhere.")
    url_file: File | None = Field(
        default=None, description="File that holds the URL. Or set `TAPEWATCH_REDIS_URL`."
    )
    fsync: Literal["everysec", "always"] = Field(
        default="everysec",
        description="Of the server started as a child: when commits are on disk, each second or before each answer.",
    )


class Config(Table):
    """One instance."""

    name: Name = Field(description="The instance: part of its Redis keys and of every alert.")
    state_dir: File | None = Field(
        default=None,
        description="Left out: $STATE_DIRECTORY, else tapewatch/NAME in the user's state folder.",
    )
    redis: Redis = Field(default=Redis(), description="Which Redis.")
    ha: Literal[False, True, "cold"] = Field(
        default=False,
        description="Whether other processes stand by with this config; cold: they connect only once they lead.",
    )
    ha_redis_down: Literal["stop", "send"] = Field(
        default="stop",
        description="With `ha`, while Redis is away: stop sending, or send what may then come twice.",
    )
    feed: list[Feed] = Field(default=[], description="Where ticks come from; `replay` needs none.")
    watch: list[Watch] = Field(min_length=1, description="What is watched.")
    receiver: list[Receiver] = Field(
        default=[], description="Where alerts go; none: logged and published, no more."
    )
    route: list[Route] = Field(default=[], description="Which alert goes where.")

    def feed_of(self, watch: Watch) -> Feed | None:
        """The feed that `watch` names, or the only one there is."""
        if watch.feed is None:
            return self.feed[0] if len(self.feed) == 1 else None
        return next((feed for feed in self.feed if feed.name == watch.feed), None)

    def secret(
        self, section: Literal["feed", "receiver"], name: str, field: str, file: Path | None = None
    ) -> str | None:
        """The secret `field` of the feed or receiver `name`; None when nobody set it.

        TAPEWATCH_<SECTION>_<NAME>_<FIELD> comes first, then `file`: in $CREDENTIALS_DIRECTORY (systemd's
        LoadCredential=), then where it says.

        Raises:
            ConfigError: `file` cannot be read, or is empty.
        """
        given = os.environ.get(secrets.variable(section, name, field))
        return given or (secrets.read(file) if file else None)

    def redis_url(self) -> str | None:
        """The URL of `[redis]`, its `url_file` or TAPEWATCH_REDIS_URL; None for a server started as a child.

        Raises:
            ConfigError: `url_file` cannot be read, or is empty.
        """
        if self.redis.url is not None:
            return self.redis.url.get_secret_value()
        if self.redis.url_file is not None:
            return secrets.read(self.redis.url_file)
        return os.environ.get("TAPEWATCH_REDIS_URL") or None


def state_dir(config: Config) -> Path:
    """The folder in which the instance keeps its state; whoever uses it creates it, with mode 0700."""
    if config.state_dir is not None:
        return config.state_dir
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])  # systemd joins several by colons
    from platformdirs import user_state_path

    return user_state_path("tapewatch") / config.name


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the config, for editors and for other programs."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(),
        "title": "tapewatch config",
    }

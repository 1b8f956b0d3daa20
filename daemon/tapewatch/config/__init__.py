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
from tapewatch.config.http import NO_TOKEN, TOKEN, Http
from tapewatch.config.receivers import Apprise, Console, Email, Match, Receiver, Route, Slack, Webhook
from tapewatch.config.redis import Redis
from tapewatch.config.schema import for_editors
from tapewatch.config.table import Table
from tapewatch.config.watches import Condition, Level, Watch, Zone
from tapewatch.problems import ConfigError, Problem
from tapewatch.values import File, Name

__all__ = [
    "AlpacaFeed", "Apprise", "CoinbaseFeed", "Condition", "Config", "Console", "Email", "Feed", "FinnhubFeed",
    "Http", "JsonFeed", "KrakenFeed", "Level", "MassiveFeed", "Match", "Receiver", "Redis", "Route", "Slack", "Table",
    "Watch", "Webhook", "Zone", "json_schema", "state_dir",
]  # fmt: skip


class Config(Table):
    """One instance."""

    name: Name = Field(description="The instance: part of its Redis keys and of every alert.")
    state_dir: File | None = Field(
        default=None,
        description="Left out: $STATE_DIRECTORY, else tapewatch/NAME in the user's state folder.",
    )
    redis: Redis = Field(default=Redis(), description="Which Redis.")
    http: Http = Field(default=Http(), description="The live page, health and metrics over HTTP.")
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
        given = secrets.from_environment(secrets.variable(section, name, field))
        return given or (secrets.read(file) if file else None)

    def redis_url(self) -> str | None:
        """The URL of the Redis, as `Redis.address` has it; None for a server started as a child.

        Raises:
            ConfigError: a file of it cannot be read, or does not fit.
        """
        return self.redis.address()

    def http_token(self) -> str | None:
        """The token of `[http]`: TAPEWATCH_HTTP_TOKEN, else its `token_file`; None when nobody set it.

        Raises:
            ConfigError: `token_file` cannot be read, or is empty; or the token cannot be sent in a header.
        """
        given, file = secrets.from_environment("TAPEWATCH_HTTP_TOKEN"), self.http.token_file
        token = given or (secrets.read(file) if file else None)
        if token and not TOKEN.fullmatch(token):
            where = Path("TAPEWATCH_HTTP_TOKEN") if given or file is None else file
            raise ConfigError([Problem(where, None, "", NO_TOKEN)])
        return token


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
        **for_editors(Config.model_json_schema()),
        "title": "tapewatch config",
    }

"""The whole config: the tables and keys of one TOML file, their defaults and their form.

`tapewatch.check` reads the file and checks what its parts mean together.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from tapewatch import secrets
from tapewatch.alerts import conditions
from tapewatch.engine.indicators import RANGE, Indicator, Value, parse_indicator
from tapewatch.engine.parts import Frequency, timeframe_of
from tapewatch.market.timeframes import DAY, by_length
from tapewatch.values import (
    SYMBOL_PATTERN,
    Band,
    Duration,
    Expiry,
    File,
    Host,
    Hours,
    HttpUrl,
    IndicatorName,
    Jump,
    Line,
    Name,
    On,
    Price,
    RedisUrl,
    Role,
    Severity,
    Timeframe,
    WebsocketUrl,
    in_ranges,
    legs_of,
    price_name,
)


class Table(BaseModel):
    """A table of the config: unknown keys are mistakes, and so is `"7000"` for 7000."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def toml_keys(cls) -> dict[str, FieldInfo]:
        """Its keys as the file spells them: `for` is no name that Python allows."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}


class Level(Table):
    """A price that alerts when it is crossed."""

    price: Price = Field(description="In the symbol's own points.")
    name: Line = Field(
        default_factory=lambda level: price_name(level["price"]),
        min_length=1,
        max_length=64,
        description="What alerts call it; left out: the price.",
    )
    role: Role | None = Field(default=None, description="What it is to the market.")
    next: Line | None = Field(default=None, description="Next target once it breaks, as alerts quote it.")
    note: Line | None = Field(default=None, description="What it means when it breaks.")
    confirm: Timeframe | None = Field(
        default=None, description="Timeframe at whose close the crossing is confirmed or failed."
    )
    rearm: Band | None = Field(default=None, description="Re-arm band; left out: the watch's.")
    severity: Severity = Field(default="warning", description="How much it matters; routes may match it.")


class Zone(Table):
    """Two prices that are read together."""

    low: Price = Field(description="Lower edge.")
    high: Price = Field(description="Upper edge.")
    name: Line = Field(
        default_factory=lambda zone: f"{price_name(zone['low'])}-{price_name(zone['high'])}",
        min_length=1,
        max_length=64,
        description="What alerts call it; left out: low-high.",
    )
    role: Role | None = Field(default=None, description="What it is to the market.")
    next: Line | None = Field(default=None, description="Next target once it breaks, as alerts quote it.")
    note: Line | None = Field(default=None, description="What it means when it breaks.")
    confirm: Timeframe | None = Field(
        default=None, description="Timeframe at whose close a passage is confirmed or failed."
    )
    rearm: Band | None = Field(
        default=None, description="Re-arm band of each edge, at most half the width; left out: the watch's."
    )
    severity: Severity = Field(default="warning", description="How much it matters; routes may match it.")


class Condition(Table):
    """A condition as a trader says it."""

    name: Line = Field(min_length=1, max_length=64, description="What alerts call it.")
    when: Line = Field(description='Such as "rsi(14)@1d crosses above 70".')
    on: On | None = Field(
        default=None,
        description='When it is checked: "tick", "close" or the close of a timeframe such as "5m"; '
        "left out: on ticks if it is about the price, else at the close.",
    )
    frequency: Frequency | None = Field(
        default=None,
        description='How often it may fire; left out: "once per bar", but "always" where the event is about the price '
        "or a divergence.",
    )
    lasting: Duration | None = Field(
        default=None,
        alias="for",
        description='How long it must stay true before it fires, such as "90s" or "5m"; left out: not at all.',
    )
    expires: Expiry | None = Field(
        default=None,
        description="From then on it is not checked: a date such as 2026-03-31, which counts to its end at the "
        "exchange, or a time such as 2026-03-31T15:30:00-04:00.",
    )
    hours: Hours | None = Field(
        default=None,
        description='When it is checked, in the exchange\'s time, such as "09:45-15:45"; left out: always. '
        "Both are of one day: it cannot run over midnight.",
    )
    next: Line | None = Field(default=None, description="Next target once it comes true, as alerts quote it.")
    note: Line | None = Field(default=None, description="What it means when it comes true.")
    severity: Severity = Field(default="info", description="How much it matters; routes may match it.")

    @cached_property
    def parsed(self) -> conditions.Condition:
        """What `when` says.

        Raises:
            ConditionError: nothing; `tapewatch.check` lets no such config through.
        """
        return conditions.parse(self.when)

    @property
    def checked_at(self) -> str | None:
        """The timeframe at whose close it is checked; None: on every tick."""
        return self.parsed.checked_at(self.on)


class Watch(Table):
    """A symbol with its levels, zones and conditions."""

    symbol: Line = Field(
        min_length=1,
        max_length=32,
        pattern=SYMBOL_PATTERN,
        description="What alerts, Redis keys and files call it; `XLC/SPY` is the price of one by that of the other.",
    )
    title: Line | None = Field(
        default=None, max_length=64, description="Its name for people; left out: the symbol."
    )
    feed: str | None = Field(default=None, description="Name of its feed; left out: the only one.")
    feed_symbol: Line | None = Field(
        default=None, description="The vendor's name for it; left out: the symbol, or the two of `XLC/SPY`."
    )
    calendar: str = Field(default="XNYS", description="Exchange calendar, such as XNYS or 24/7.")
    hours: Literal["regular", "extended"] = Field(
        default="regular",
        description="`extended`: levels, zones and what price crosses fire before the open and after the close too.",
    )
    timeframes: list[Timeframe] = Field(
        default=["1m", "5m", "1h", "1d"],
        min_length=1,
        max_length=16,
        description="Bars to build; those that a condition or `confirm` names come by themselves.",
    )
    indicators: list[IndicatorName] = Field(
        default=["rsi(14)", "macd(12,26,9)", "sma(50)", "sma(200)", "ema(20)"],
        max_length=64,
        description="Computed in every timeframe and quoted in alerts; conditions' come by themselves.",
    )
    rearm: Band = Field(
        default="0.1%",
        description="How far price must leave a level before it may fire again: "
        'a percentage of the level, a number of points, or "0.1 atr": ATR(14)@1d at the last close.',
    )
    max_jump: Jump = Field(
        default="1%", description='A larger jump is held back until two more ticks confirm it; or "off".'
    )
    skip_conditions: list[str] = Field(
        default=[], description="Sale conditions, as a file spells them, that do not update the last price."
    )
    settle_after: Duration | None = Field(
        default=None,
        description="How long after the session's end the official daily bar is waited for; left out: 0. "
        "Without a source of that bar it only delays what is checked on the daily close.",
    )
    history: list[File] = Field(default=[], description="CSV files of bars that warm the indicators.")
    level: list[Level] = Field(default=[], description="Prices.")
    zone: list[Zone] = Field(default=[], description="Pairs of prices.")
    condition: list[Condition] = Field(default=[], description="Everything else.")

    @property
    def legs(self) -> tuple[str, str] | None:
        """The symbols whose prices are divided, in a composite such as `XLC/SPY`; None for any other."""
        return legs_of(self.symbol) if self.feed_symbol is None else None

    def all_timeframes(self) -> list[str]:
        """The timeframes it needs, those of conditions, `confirm`, bands and VWAP included, shortest first."""
        named = {
            timeframe_of(operand) for condition in self.condition for operand in condition.parsed.operands
        }
        checking = {condition.checked_at for condition in self.condition}
        rules: list[Level | Zone] = [*self.level, *self.zone]
        confirming = {rule.confirm for rule in rules}
        of_session = {DAY} if self._has_bands_in_ranges() or self._has_vwap() else set()
        return by_length({*self.timeframes, *filter(None, (*named, *checking, *confirming)), *of_session})

    def all_indicators(self) -> list[Indicator]:
        """The indicators it needs: its own in their order, then those that only conditions or bands name."""
        own = [parse_indicator(text) for text in self.indicators]
        operands = [operand for condition in self.condition for operand in condition.parsed.operands]
        named = [operand.indicator for operand in operands if isinstance(operand, Value)]
        return list(dict.fromkeys([*own, *named, *([RANGE] if self._has_bands_in_ranges() else [])]))

    def _has_vwap(self) -> bool:
        return any(indicator.kind == "vwap" for indicator in self.all_indicators())

    def _has_bands_in_ranges(self) -> bool:
        rules: list[Level | Zone] = [*self.level, *self.zone]
        bands = [self.rearm, *(rule.rearm for rule in rules)]
        return any(isinstance(band, str) and in_ranges(band) is not None for band in bands)


class Redis(Table):
    """Which Redis. Without a URL a server is started as a child, its data in the state folder."""

    url: RedisUrl | None = Field(default=None, description="It may hold a password, and is shown nowhere.")
    url_file: File | None = Field(
        default=None, description="File that holds the URL. Or set `TAPEWATCH_REDIS_URL`."
    )


class Feed(Table):
    """A vendor's websocket."""

    name: Name = Field(description="What watches call it.")
    vendor: Literal["massive"] = Field(description="Who sends the ticks, and so in which protocol.")
    url: WebsocketUrl | None = Field(default=None, description="Left out: the vendor's.")
    clock: Literal["wall", "tape"] = Field(
        default="wall", description="`tape` for a feed that plays a recording or a scenario."
    )
    key_file: File | None = Field(
        default=None, description="File that holds the vendor's key. Or set `TAPEWATCH_FEED_<NAME>_KEY`."
    )


class Console(Table):
    """Writes each alert to standard output."""

    name: Name = Field(description="What routes call it.")
    kind: Literal["console"]


class Slack(Table):
    """A Slack incoming webhook; its URL is a secret."""

    name: Name = Field(description="What routes call it.")
    kind: Literal["slack"]
    url_file: File | None = Field(
        default=None, description="File that holds the webhook's URL. Or set `TAPEWATCH_RECEIVER_<NAME>_URL`."
    )


class Webhook(Table):
    """POSTs the CloudEvents JSON, signed with the secret."""

    name: Name = Field(description="What routes call it.")
    kind: Literal["webhook"]
    url: HttpUrl | None = Field(
        default=None,
        repr=False,
        description="Where to; for a URL without a token in it.",
    )
    url_file: File | None = Field(
        default=None, description="File that holds the URL. Or set `TAPEWATCH_RECEIVER_<NAME>_URL`."
    )
    secret_file: File | None = Field(
        default=None,
        description="File that holds the signing secret. Or set `TAPEWATCH_RECEIVER_<NAME>_SECRET`.",
    )


class Email(Table):
    """SMTP."""

    name: Name = Field(description="What routes call it.")
    kind: Literal["email"]
    host: Host = Field(min_length=1, description="The mail server.")
    port: int = Field(default=587, ge=1, le=65535, description="587 for starttls, 465 for tls.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection is encrypted."
    )
    ca_file: File | None = Field(default=None, description="CA certificate to trust; left out: the system's.")
    username: str | None = Field(default=None, description="Left out: no login.")
    password_file: File | None = Field(
        default=None, description="File that holds the password. Or set `TAPEWATCH_RECEIVER_<NAME>_PASSWORD`."
    )
    sender: str = Field(min_length=1, description="The From address.")
    to: list[str] = Field(min_length=1, description="Who gets it.")


Receiver = Annotated[Console | Slack | Webhook | Email, Field(discriminator="kind")]


class Match(Table):
    """Which alerts a route takes; what is left out matches all, a name may hold * and ?."""

    symbol: str | None = Field(default=None, description="The watch's symbol.")
    rule: str | None = Field(default=None, description="Name of the level, zone or condition.")
    type: str | None = Field(default=None, description="Type of the alert, such as tapewatch.level.*")
    severity: Severity | None = Field(default=None, description="As the level, zone or condition has it.")


class Route(Table):
    """Which alerts go to which receivers."""

    match: Match = Field(default=Match(), description="Which alerts; left out: all.")
    receivers: list[str] = Field(min_length=1, description="Names of receivers.")


class Config(Table):
    """One instance."""

    name: Name = Field(description="The instance: part of its Redis keys and of every alert.")
    state_dir: File | None = Field(
        default=None,
        description="Left out: $STATE_DIRECTORY, else tapewatch/NAME in the user's state folder.",
    )
    redis: Redis = Field(default=Redis(), description="Which Redis.")
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

"""The tables of where alerts go: `[[receiver]]`, one class a kind, and `[[route]]`."""

from typing import Annotated, Literal

from pydantic import Field

from tapewatch.config.table import Table
from tapewatch.values import (
    Address,
    Clock,
    Duration,
    File,
    Host,
    HttpUrl,
    Line,
    Name,
    Rate,
    Severity,
    ZoneName,
)


class Match(Table):
    """Which alerts a route takes, or a receiver never gets; what is left out matches all, a name may hold * and ?."""

    symbol: str | None = Field(default=None, description="The watch's symbol.")
    rule: str | None = Field(default=None, description="Name of the level, zone or condition.")
    type: str | None = Field(default=None, description="Type of the alert, such as tapewatch.level.*")
    severity: Severity | None = Field(default=None, description="As the level, zone or condition has it.")


class _Receiver(Table):
    """What all kinds have."""

    name: Name = Field(description="What routes call it.")
    mute: list[Match] = Field(default=[], description="Alerts that it never gets, whatever the routes say.")
    rate: Rate | None = Field(
        default=None, description="Most messages, such as 1/s or 20/m; left out: as the kind needs."
    )
    give_up_after: Duration = Field(
        default="15m", description="How long a message that fails is tried again; then it is a dead letter."
    )


class _People(_Receiver):
    """What those kinds have that people read."""

    group_wait: Duration = Field(
        default="1s", description="Alerts of one symbol within this time go out as one message."
    )
    cooldown: Duration = Field(
        default="1m", description="Further alerts of a rule within this time go out as one line when it ends."
    )
    stale_after: Duration = Field(
        default="15m", description="Alerts older than this, as after an outage, go out as one digest."
    )
    quiet: Clock | None = Field(
        default=None,
        description="Hours in which only critical alerts come, such as 22:00-07:00; the others come as one digest.",
    )
    zone: ZoneName = Field(default="UTC", description="Time zone of `quiet`, such as America/New_York.")
    template: File | None = Field(
        default=None,
        description="A jinja2 template of the text, in place of the message that comes built in;"
        " [what it sees](alerts.md#messages-to-people).",
    )


class Console(_People):
    """Writes each alert to standard output."""

    kind: Literal["console"]


class _Pictured(_People):
    """What those kinds have that can show a picture."""

    pictures: bool = Field(
        default=True,
        description="Whether the chart goes along with an alert, for which it waits 2 s at most"
        " ([pictures](alerts.md#pictures-and-links)).",
    )


class Slack(_Pictured):
    """A Slack incoming webhook, or a bot in a channel; the webhook's URL and the bot's token are secrets."""

    kind: Literal["slack"]
    url_file: File | None = Field(
        default=None, description="File that holds the webhook's URL. Or set `TAPEWATCH_RECEIVER_<NAME>_URL`."
    )
    channel: Line | None = Field(
        default=None,
        description="Id of the channel that a bot posts to, such as C0123456789; needs the bot's token, with the scopes"
        " chat:write and, for pictures, files:write.",
    )
    token_file: File | None = Field(
        default=None,
        description="File that holds the bot's token (xoxb-…). Or set `TAPEWATCH_RECEIVER_<NAME>_TOKEN`.",
    )
    api_url: HttpUrl = Field(default="https://slack.com/api/", description="Where a bot's messages go.")


class Webhook(_Receiver):
    """POSTs the CloudEvents JSON of each alert at once, signed with the secret."""

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


class Email(_Pictured):
    """SMTP."""

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
    sender: Address = Field(description="The From address.")
    to: list[Address] = Field(min_length=1, description="Who gets it.")


class Apprise(_Pictured):
    """Telegram, Discord, Microsoft Teams, ntfy, PagerDuty and a hundred others, by a URL of the library apprise."""

    kind: Literal["apprise"]
    url_file: File | None = Field(
        default=None,
        description="File that holds the URL, such as tgram://…, which is a secret."
        " Or set `TAPEWATCH_RECEIVER_<NAME>_URL`.",
    )


Receiver = Annotated[Console | Slack | Webhook | Email | Apprise, Field(discriminator="kind")]


class Route(Table):
    """Which alerts go to which receivers."""

    match: Match = Field(default=Match(), description="Which alerts; left out: all.")
    receivers: list[str] = Field(min_length=1, description="Names of receivers.")

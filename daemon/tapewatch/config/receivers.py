"""The tables of where alerts go: `[[receiver]]`, one class a kind, and `[[route]]`."""

from typing import Annotated, Literal

from pydantic import Field

from tapewatch.config.table import Table
from tapewatch.values import File, Host, HttpUrl, Name, Severity


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

"""The table `[http]`: where the page, health and metrics are served, and to whom."""

import re

from pydantic import Field

from tapewatch.config.table import Table
from tapewatch.values import File, Listen, PageUrl

TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
"""What a client may send as a bearer token (RFC 6750, 2.1)."""

NO_TOKEN = "no client can send this token: make it of letters, digits and - . _ ~ + / alone"  # noqa: S105 - a message


class Http(Table):
    """The live page, health and metrics over HTTP. Without a token, only this machine may ask."""

    listen: Listen = Field(
        default="127.0.0.1:8790",
        description='`"[::1]:8790"`, `"0.0.0.0:8790"` for every network, `"off"` for none; port 0 is any free one.',
    )
    token_file: File | None = Field(
        default=None,
        description="File that holds the token by which others log in, or which they send as"
        " `Authorization: Bearer TOKEN`. Or set `TAPEWATCH_HTTP_TOKEN`.",
    )
    url: PageUrl | None = Field(
        default=None,
        description='Where people reach the page, such as `"https://tape.example.org"`: alerts link to it. Left out:'
        " they have no link.",
    )

"""Where the daemon of a config listens, and what it has to be sent."""

import re
from ipaddress import ip_address
from typing import NamedTuple

from tapewatch import secrets
from tapewatch.config import Config
from tapewatch.config.http import NO_TOKEN, TOKEN
from tapewatch.values import listen_address

_URL = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?", re.ASCII)
"""Without user, password, query and fragment: what is shown in errors is no secret."""


class NoAddressError(ValueError):
    """It cannot be told where to ask; the message says what to do."""


class Address(NamedTuple):
    """Of one daemon."""

    url: str
    token: str | None


def of_config(config: Config) -> Address:
    """The daemon of this config, on this machine.

    Raises:
        NoAddressError: it listens nowhere, or nobody knows where.
        ConfigError: its token cannot be had.
    """
    listen = listen_address(config.http.listen)
    if listen is None:
        raise NoAddressError(
            'its daemon listens nowhere: give [http] a listen = "127.0.0.1:8790" in the config and restart it'
        )
    host, port = listen
    if port == 0:
        raise NoAddressError(
            "its daemon listens on any free port: give http.listen a port of its own, or name it with --url;"
            " http.listening in its log says which it is"
        )
    return Address(f"http://{_reachable(host)}:{port}", config.http_token())


def of_url(url: str) -> Address:
    """A daemon anywhere; its token stands in TAPEWATCH_HTTP_TOKEN.

    Raises:
        NoAddressError: that is no URL of one, or the token cannot be sent.
    """
    if not _URL.fullmatch(url):
        raise NoAddressError("--url has to be the address of a tapewatch: http://HOST:PORT or https://HOST")
    token = secrets.from_environment("TAPEWATCH_HTTP_TOKEN")
    if token and not TOKEN.fullmatch(token):
        raise NoAddressError(f"TAPEWATCH_HTTP_TOKEN: {NO_TOKEN}")
    return Address(url.rstrip("/"), token)


def _reachable(host: str) -> str:
    """Who listens on all addresses is asked on this machine's own."""
    ip = ip_address(host)
    if ip.is_unspecified:
        return "127.0.0.1" if ip.version == 4 else "[::1]"
    return f"[{host}]" if ip.version == 6 else host

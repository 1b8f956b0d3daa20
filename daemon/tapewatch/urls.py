"""URLs of the config: what makes one usable, and how to show one that may hold a secret.

No error quotes the URL.
"""

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?")
"""A name or an IPv4 address; or what stands between the brackets of an IPv6 address (RFC 3986, 3.2.2)."""

_REDIS_SCHEMES = ("redis", "rediss", "unix")


class RedisUrlError(ValueError):
    """No URL of a Redis; the message says what would be one."""

    def __init__(self) -> None:
        super().__init__(
            "is no URL of a Redis: write redis://HOST:PORT/0, rediss://… for TLS, or unix:///PATH; special"
            " characters of a password are percent-encoded, such as %40 for @; options after a ? are redis-py's"
        )


def check_websocket(url: str) -> str:
    """`url`, if a websocket client takes it (RFC 6455, 3).

    Raises:
        ValueError: it does not; the message says why.
    """
    parts = _with_host(url)
    if "#" in url:
        raise ValueError("a websocket's URL has no #fragment")
    if parts.username is not None and not parts.password:
        raise ValueError("the URL has a user without a password: write wss://USER:PASSWORD@HOST/")
    return url


def check_host(name: str) -> str:
    """`name`, if it can be a host's, or is an IP address.

    Raises:
        ValueError: it cannot.
    """
    if not _is_host(name):
        raise ValueError("is no name of a host, nor an IP address")
    return name


def check_http(url: str) -> str:
    """`url`, if something can be posted there.

    Raises:
        ValueError: it cannot; the message says why.
    """
    _with_host(url)
    return url


def check_page(url: str) -> str:
    """`url`, if it can be where people reach the live page, without the slash at its end.

    Raises:
        ValueError: it cannot; the message says why.
    """
    parts = _with_host(url)
    if parts.username is not None:
        raise ValueError("the URL has a user: whoever is sent an alert would see it")
    if parts.path.strip("/") or "?" in url or "#" in url:
        raise ValueError('the URL ends with its host or port, such as "https://tape.example.org"')
    return f"{parts.scheme}://{parts.netloc}"


def shown_redis(url: str) -> str:
    """`url` for people to read: without user, password and options.

    Raises:
        RedisUrlError: it is no URL of a Redis.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RedisUrlError from None
    # A password with a bare / ? or # in it ends up, in part, in what would be shown.
    if parts.scheme not in _REDIS_SCHEMES or port == 0 or "@" in parts.path + parts.query + parts.fragment:
        raise RedisUrlError
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2] or 'localhost'}{parts.path}"


def is_tls(url: str) -> bool:
    """Whether it is the URL of a Redis that is reached over TLS."""
    return url.startswith("rediss://")


def with_options(url: str, options: Mapping[str, str]) -> str:
    """`url` with these options after its own."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(options))))))


def shown_host(url: str) -> str:
    """Host and port of `url`, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _with_host(url: str) -> SplitResult:
    if not url.isprintable() or " " in url:
        raise ValueError("the URL holds white space or a control character")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("the URL's host is none: [ ] are for an IPv6 address, such as [::1]") from None
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("the URL's port must be a number from 1 to 65535")
    if not _is_host(parts.hostname or ""):
        raise ValueError("the URL names no host, or one that cannot be")
    return parts


def _is_host(name: str) -> bool:
    try:
        return bool(_HOST.fullmatch(name.encode("idna").decode()))
    except UnicodeError:  # empty or too long between two dots
        return False

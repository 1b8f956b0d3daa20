"""What a process says, made safe to show: without the secrets it has read, and without control characters.

`secrets` and the config note each secret that they read. Log lines, tracebacks and what a command says at its end
pass `redacted`: each form of a noted secret is replaced by ten asterisks.
"""

import json
import re
from collections.abc import Iterator
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlsplit

MASK = "**********"
"""What stands in a secret's place; pydantic's SecretStr shows itself so, too."""

SHORTEST = 4
"""Characters of a secret that is replaced: a shorter one is part of too many words."""

_LONG_PATH = 8
"""Characters from which on the path of a secret URL is a secret by itself, as that of a Slack webhook."""
_LONG_PART = 16
"""Characters of a part of such a path that is a token, whatever stands in it; with a digit, `_LONG_PATH` will do."""

_OPEN_SCHEMES = ("redis", "rediss", "unix", "ws", "wss")
"""Of their URLs only user and password are secret, and what the query calls so: the rest is shown."""
_TOKEN_NAME = re.compile(r"(key|token|secret|pass|password|passwd|pwd|auth|sig|signature)$", re.IGNORECASE)
"""Names of a query's secrets."""

_forms: list[str] = []
"""Every form of every secret, the longest first, so that a URL goes before the password in it."""


def note(secret: str) -> None:
    """Remembers a secret: a key, a password, a token, or a URL that holds one."""
    if "://" in secret:
        note_url(secret, path_is_secret=not secret.startswith(tuple(f"{name}:" for name in _OPEN_SCHEMES)))
    else:
        _remember([secret])


def note_url(url: str, *, path_is_secret: bool = False) -> None:
    """Remembers what is secret in a URL: its password, and what its query calls a key or a token.

    Args:
        url: any, usable or not.
        path_is_secret: its path is one, too, and in a URL of apprise what stands in the host's place.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        _remember([url])
        return
    found = [*_in_url(parts), *(_in_path(parts) if path_is_secret else ())]
    if found:
        _remember([url, *found])


def redacted(text: str) -> str:
    """`text` with ten asterisks in place of each secret of four characters or more."""
    for form in _forms:
        if form in text:
            text = text.replace(form, MASK)
    return text


def has_secret(text: str) -> bool:
    """Whether `redacted` would change it."""
    for form in _forms:  # noqa: SIM110 - a generator takes twice as long, on each line of the log
        if form in text:
            return True
    return False


def escaped(text: str, keep: str = "") -> str:
    r"""`text` with \n, \u001b and the like in place of all that is not printable, as JSON writes it.

    So no text breaks a line, colours a terminal, moves its cursor or turns the direction of what follows.

    Args:
        text: of anybody.
        keep: characters that may stay.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else json.dumps(each)[1:-1] for each in text)


def _in_url(parts: SplitResult) -> Iterator[str]:
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    yield from filter(None, [password or user])  # a user alone is a token
    for name, value in parse_qsl(parts.query):
        if _TOKEN_NAME.search(name) and not value.startswith("{"):  # of a JSON feed, `{key}` stands for one
            yield value


def _in_path(parts: SplitResult) -> Iterator[str]:
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if len(path) >= _LONG_PATH:
        yield path
    yield from filter(_is_token, [*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))])
    place = parts.netloc.rpartition("@")[2]
    if (
        parts.scheme not in ("http", "https")
        and "." not in place
        and not place.startswith(("localhost", "["))
    ):
        yield from filter(_is_token, [place])


def _is_token(part: str) -> bool:
    has_digit = any(each.isdigit() for each in part)
    return len(part) >= (_LONG_PATH if has_digit else _LONG_PART)


def _remember(secrets: list[str]) -> None:
    known = set(_forms)
    for secret in secrets:
        known.update(form for form in _written(secret) if len(form.strip()) >= SHORTEST)
    _forms[:] = sorted(known, key=lambda form: (-len(form), form))


def _written(secret: str) -> set[str]:
    """As it is, percent-encoded (RFC 3986, 2.1; HTML forms), and how JSON, Python and our log would quote those."""
    plain = {secret, unquote(secret)}
    encoded = {quote(each, safe=safe) for each in plain for safe in ("", "/")} | set(map(quote_plus, plain))
    lower = {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), each) for each in encoded}
    forms = plain | encoded | lower
    quoted = {json.dumps(each, ensure_ascii=False)[1:-1] for each in forms}
    return forms | quoted | {escaped(each) for each in quoted} | {repr(each)[1:-1] for each in forms}

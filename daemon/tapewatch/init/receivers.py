"""Who may get alerts, and what each must know."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from tapewatch.init.dialogue import WrongAnswerError
from tapewatch.urls import check_host
from tapewatch.values import Address

Detail = Callable[[str, str, str, Callable[[str], str]], str]
"""Asks for what is no secret: a prompt, its option, a default, and what reads the answer."""

Key = tuple[str, str | int | tuple[str, ...]]
"""A key of the receiver's table, and its value."""

_ADDRESS: TypeAdapter[str] = TypeAdapter(Address)
_PORT = 587
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{8,}")


def _nothing(detail: Detail) -> Iterator[Key]:
    return iter(())


def _slack_channel(detail: Detail) -> Iterator[Key]:
    yield "channel", detail("Id of the channel, as its details in Slack show it", "channel", "", _channel)


def _mail(detail: Detail) -> Iterator[Key]:
    to = detail("To which address", "to", "", _address)
    smtp = detail("Mail server", "smtp", f"smtp.{to.rpartition('@')[2].rstrip('>')}", _server)
    host, _, port = smtp.partition(":")
    yield "host", host
    yield "port", int(port or _PORT)
    if port == "465":
        yield "security", "tls"
    yield "username", re.sub(r".*<|>$", "", to)
    yield "sender", to
    yield "to", (to,)


@dataclass(frozen=True)
class Kind:
    """A kind of receiver, as it is asked for."""

    name: str
    """Also what the config calls it."""
    kind: str
    """Of the config."""
    meaning: str
    secrets: tuple[tuple[str, str, str], ...] = ()
    """Key, file, and what it is for people."""
    details: Callable[[Detail], Iterator[Key]] = _nothing


KINDS = (
    Kind("terminal", "console", "the terminal it runs in, or its log"),
    Kind(
        "slack",
        "slack",
        "a Slack channel, by an incoming webhook",
        (("url", "slack.url", "The webhook's URL"),),
    ),
    Kind(
        "slack-bot",
        "slack",
        "a Slack channel, by a bot, which can show charts",
        (("token", "slack.token", "The bot's token (xoxb-…)"),),
        _slack_channel,
    ),
    Kind(
        "email", "email", "a mailbox", (("password", "smtp.password", "Password at the mail server"),), _mail
    ),
    Kind(
        "webhook",
        "webhook",
        "a program of yours, as JSON over HTTP",
        (("url", "webhook.url", "Its URL"),),
    ),
    Kind(
        "apprise",
        "apprise",
        "Telegram, Discord, Teams, ntfy and a hundred others, by an apprise URL",
        (("url", "apprise.url", "The URL, such as tgram://…"),),
    ),
    Kind("nobody", "", "alerts are logged and published, no more"),
)
"""In the order in which they are offered."""


def _channel(answer: str) -> str:
    if not _CHANNEL.fullmatch(answer):
        raise WrongAnswerError("write the channel's id, such as C0123456789")
    return answer


def _address(answer: str) -> str:
    if not answer:
        raise WrongAnswerError("write an address, such as you@example.com")
    try:
        return _ADDRESS.validate_python(answer)
    except ValidationError as error:
        raise WrongAnswerError(str(error.errors()[0]["ctx"]["error"])) from None


def _server(answer: str) -> str:
    host, colon, port = answer.partition(":")
    try:
        check_host(host)
        if colon and not 0 < int(port) < 1 << 16:
            raise ValueError
    except ValueError:
        raise WrongAnswerError(
            f"{answer!r} is no mail server: write its name, such as smtp.example.com or smtp.example.com:465"
        ) from None
    return answer

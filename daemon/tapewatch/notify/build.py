"""From a receiver of the config, and its secrets, to its sender."""

from collections.abc import Callable
from pathlib import Path

import httpx

from tapewatch.config import Apprise, Console, Email, Receiver, Slack, Webhook
from tapewatch.notify import apprise_service, console, email, slack, slack_bot, webhook
from tapewatch.notify.sender import Sender
from tapewatch.notify.template import Template, TemplateError
from tapewatch.notify.template_trial import tried
from tapewatch.secrets import variable
from tapewatch.urls import check_http

Secrets = Callable[[str, str, Path | None], str | None]
"""Looks a secret up by receiver, field (`url`, `token`, …) and the file that the config names."""


class ReceiverError(ValueError):
    """A receiver that cannot be built; the message names it and what would be right, never a secret."""


def build(receiver: Receiver, secrets: Secrets, http: httpx.AsyncClient) -> Sender:
    """The sender of `receiver`.

    Args:
        receiver: from the config.
        secrets: looks its secrets up.
        http: from `http.http_client`, shared by all; it must outlive the sender.

    Raises:
        ReceiverError: a secret is missing, or the config of the receiver makes no sense.
    """
    match receiver:
        case Console():
            return console.Console(template=_template(receiver))
        case Slack(channel=None):
            url = _url(receiver, _required(receiver, "url", receiver.url_file, secrets))
            return slack.Slack(url, http, _template(receiver))
        case Slack():
            return _slack_bot(receiver, secrets, http)
        case Webhook():
            return _webhook(receiver, secrets, http)
        case Email():
            return _email(receiver, secrets)
        case Apprise():
            return _apprise(receiver, secrets)


def _template(receiver: Console | Slack | Email | Apprise) -> Template | None:
    if receiver.template is None:
        return None
    try:
        return tried(receiver.template)
    except TemplateError as error:
        raise ReceiverError(f"receiver {receiver.name!r}: its template: {error}") from None


def _slack_bot(receiver: Slack, secrets: Secrets, http: httpx.AsyncClient) -> Sender:
    token = _required(receiver, "token", receiver.token_file, secrets)
    try:
        return slack_bot.SlackBot(
            receiver.channel or "",
            token,
            http,
            api_url=receiver.api_url,
            pictures=receiver.pictures,
            template=_template(receiver),
        )
    except ValueError as error:
        raise ReceiverError(f"receiver {receiver.name!r}: its token is wrong: {error}") from None


def _apprise(receiver: Apprise, secrets: Secrets) -> Sender:
    url = _required(receiver, "url", receiver.url_file, secrets)
    template = _template(receiver)
    try:
        return apprise_service.Apprise(url, template, pictures=receiver.pictures)
    except ValueError as error:
        raise ReceiverError(f"receiver {receiver.name!r}: {error}") from None


def _webhook(receiver: Webhook, secrets: Secrets, http: httpx.AsyncClient) -> Sender:
    url = receiver.url or _required(receiver, "url", receiver.url_file, secrets)
    secret = _required(receiver, "secret", receiver.secret_file, secrets)
    try:
        return webhook.Webhook(_url(receiver, url), secret, http)
    except ValueError as error:
        raise ReceiverError(f"receiver {receiver.name!r}: its secret is wrong: {error}") from None


def _email(receiver: Email, secrets: Secrets) -> Sender:
    password = None
    if receiver.username is not None:
        password = _required(receiver, "password", receiver.password_file, secrets)
    template = _template(receiver)
    try:
        return email.Email(
            receiver.host,
            receiver.port,
            receiver.security,
            receiver.sender,
            receiver.to,
            username=receiver.username,
            password=password,
            ca_file=receiver.ca_file,
            pictures=receiver.pictures,
            template=template,
        )
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ReceiverError(
            f"receiver {receiver.name!r}: ca_file {receiver.ca_file} holds no readable certificate: {why}"
        ) from None


def _required(
    receiver: Apprise | Slack | Webhook | Email, field: str, file: Path | None, secrets: Secrets
) -> str:
    value = secrets(receiver.name, field, file)
    if not value:
        name = variable("RECEIVER", receiver.name, field)
        raise ReceiverError(
            f"receiver {receiver.name!r} ({receiver.kind}) has no {field}: "
            f"set {name}, or {field}_file in the config to a file that holds it"
        )
    return value


def _url(receiver: Slack | Webhook, text: str) -> str:
    try:
        url = httpx.URL(check_http(text))
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ReceiverError(
            f"receiver {receiver.name!r}: its url is no URL that begins with https:// and names a host"
        )
    return text

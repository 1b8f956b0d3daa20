"""Email: text and HTML over SMTP.

Sources: RFC 5321 (reply codes), RFC 5322 (3.6.4, Message-ID and References), RFC 3834 (Auto-Submitted)
"""

import asyncio
import re
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime
from pathlib import Path
from typing import Literal

import aiosmtplib
import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from tapewatch.alerts.alert import Alert
from tapewatch.notify.render import one_line, render
from tapewatch.notify.sender import PermanentError, TemporaryError

TIMEOUT = 10.0
"""Seconds that the server has for each answer."""

SEND_TIMEOUT = 30.0
"""Seconds for a whole delivery: connection, greeting, TLS, login, message."""

log = structlog.get_logger(__name__)

_templates = Environment(
    loader=PackageLoader("tapewatch.notify"),
    autoescape=select_autoescape(["html.j2"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Email:
    """Writes to some addresses through one SMTP server."""

    def __init__(
        self,
        host: str,
        port: int,
        security: Literal["starttls", "tls", "none"],
        sender: str,
        to: list[str],
        *,
        username: str | None = None,
        password: str | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """A server, and who writes to whom.

        Args:
            host: the server; with TLS, its certificate must be for this name.
            port: its port.
            security: TLS after STARTTLS, TLS from the start, or none. STARTTLS is never skipped.
            sender: the From address.
            to: the To addresses.
            username: for login; without it, none is tried.
            password: for login.
            ca_file: the CA certificate to trust in place of the system's.

        Raises:
            ValueError: an address is none.
            OSError: `ca_file` cannot be read, or holds no certificate.
        """
        for address in (sender, *to):
            _check_address(address)
        self._sender = sender
        self._to = to
        self._host = host
        self._port = port
        self._security = security
        self._username = username
        self._password = password
        # Made once: reading the CA certificates takes tens of milliseconds.
        self._tls = None if security == "none" else ssl.create_default_context(cafile=ca_file)

    async def send(self, alert: Alert, body: bytes) -> None:
        """Sends `alert` as one message to all addresses; see `Sender.send`."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                refused = await self._deliver(message(alert, self._sender, self._to))
        except aiosmtplib.SMTPRecipientsRefused as error:
            worst = min(error.recipients, key=lambda each: each.code)
            raise _refusal(worst.code, worst.message) from None
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(error.code, error.message) from None
        except (OSError, aiosmtplib.SMTPServerDisconnected) as error:  # time-outs and TLS errors are OSErrors
            raise TemporaryError(one_line(str(error)) or f"no answer within {SEND_TIMEOUT:g} s") from None
        except aiosmtplib.SMTPException as error:  # no STARTTLS, no login offered
            raise PermanentError(one_line(error.message)) from None
        if refused:
            # The others have it: another attempt would double theirs.
            log.warning("notify.recipients_refused", alert=alert.id, recipients=sorted(refused))

    async def _deliver(self, mail: EmailMessage) -> list[str]:
        """Sends; the addresses that the server refused while it took others."""
        refused, _ = await aiosmtplib.send(
            mail,
            hostname=self._host,
            port=self._port,
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",
            tls_context=self._tls,
            username=self._username,
            password=self._password,
            timeout=TIMEOUT,
        )
        return list(refused)


def message(alert: Alert, sender: str, to: list[str]) -> EmailMessage:
    """The mail: its Message-ID is the alert's id, and a confirmation answers the alert that it follows.

    So most mail programs show an alert that came twice once, and thread what belongs together.
    """
    wording = render(alert)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = wording.headline
    mail["Date"] = localtime()
    mail["Message-ID"] = message_id(alert.id)
    if alert.data.follows:
        mail["In-Reply-To"] = message_id(alert.data.follows)
        mail["References"] = message_id(alert.data.follows)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_templates.get_template("alert.txt.j2").render(wording=wording))
    page = _templates.get_template("alert.html.j2").render(wording=wording, direction=alert.data.direction)
    mail.add_alternative(page, subtype="html")
    return mail


def message_id(alert_id: str) -> str:
    """`<ID@tapewatch>`; what may not stand in a Message-ID is left out."""
    return f"<{re.sub(r'[^A-Za-z0-9._-]', '', alert_id)}@tapewatch>"


def _check_address(address: str) -> None:
    try:
        header = SMTP.header_factory("To", address)
        good = len(header.addresses) == 1 and header.addresses[0].domain and not header.defects
    except (IndexError, ValueError):
        good = False
    if not good or one_line(address) != address:
        raise ValueError(f"{address!r} is no address: write name@example.com or Name <name@example.com>")


def _refusal(code: int, text: str) -> TemporaryError | PermanentError:
    """A reply as an error: 5xx is permanent (RFC 5321, 4.2.1)."""
    reason = f"SMTP {code} {one_line(text)[:200]}"
    return PermanentError(reason) if code >= 500 else TemporaryError(reason)

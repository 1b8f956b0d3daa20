"""Email: text and HTML over SMTP.

Sources: RFC 5321 (reply codes), RFC 5322 (3.6.4, Message-ID and References), RFC 3834 (Auto-Submitted), RFC 2387 and
2392 (the picture beside the HTML that shows it, by its Content-ID; Gmail, Outlook and Apple Mail show it so, not by a
`data:` URL: https://www.caniemail.com/features/image-base64/)
"""

import asyncio
import base64
import re
import ssl
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime
from hashlib import sha256
from pathlib import Path
from typing import Literal, cast

import aiosmtplib
import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined

from tapewatch import redaction
from tapewatch.notify.message import Message
from tapewatch.notify.render import one_line
from tapewatch.notify.sender import PermanentError, TemporaryError
from tapewatch.notify.telling import Told, picture_text, tell
from tapewatch.notify.template import Template, built_in, own_text

TIMEOUT = 10.0
"""Seconds that the server has for each answer."""

SEND_TIMEOUT = 30.0
"""Seconds for a whole delivery: connection, greeting, TLS, login, message."""

MOST_LINES = 200
"""Alerts of a digest that are listed, and that the header names."""

IDS_HEADER = "X-Tapewatch-Alerts"
"""Ids of the alerts in a mail, with blanks between them: for filters."""

PICTURE_NAME = "chart.png"
"""What who saves it gets."""

log = structlog.get_logger(__name__)

_text = built_in("message.txt.j2")
_page = Environment(
    loader=PackageLoader("tapewatch.notify"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
).get_template("message.html.j2")

_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")


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
        pictures: bool = True,
        template: Template | None = None,
    ) -> None:
        """A server, and who writes to whom.

        Args:
            host: the server; with TLS, its certificate must be for this name.
            port: its port.
            security: TLS after STARTTLS, TLS from the start, or none. STARTTLS is never skipped.
            sender: the From address, as the config takes it.
            to: the To addresses, likewise.
            username: for login; without it, none is tried.
            password: for login.
            ca_file: the CA certificate to trust in place of the system's.
            pictures: whether the chart goes along.
            template: of the text; then there is no HTML beside it.

        Raises:
            OSError: `ca_file` cannot be read, or holds no certificate.
        """
        self.pictures = pictures
        self._sender = sender
        self._to = to
        self._host = host
        self._port = port
        self._security = security
        self._username = username
        self._password = password
        _note_login(username or "", password or "")
        self._template = template
        self._failed = ""  # id of the message that last failed with its picture
        self._told_refused = False
        # Made once: reading the CA certificates takes tens of milliseconds.
        self._tls = None if security == "none" else ssl.create_default_context(cafile=ca_file)

    async def send(self, message: Message) -> str:
        """Sends `message` as one mail to all addresses; see `Sender.send`.

        A mail that its picture may have cost (too large, no attachments, cut off on its way) is tried again without,
        at once where the server refused it.

        Returns:
            Its Message-ID.
        """
        if message.picture and message.id != self._failed:
            try:
                receipt = await self._send(message)
            except PermanentError:
                if message.id != self._failed:
                    raise
            else:
                self._told_refused = False
                return receipt
        return await self._send(replace(message, picture=None))

    async def _send(self, message: Message) -> str:
        letter = mail(message, self._sender, self._to, self._template)
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                refused = await self._deliver(letter)
        except aiosmtplib.SMTPRecipientsRefused as error:
            worst = min(error.recipients, key=lambda each: each.code)
            raise _refusal(worst.code, worst.message) from None
        except aiosmtplib.SMTPResponseException as error:
            refusal = _refusal(error.code, error.message)
            if isinstance(error, aiosmtplib.SMTPSenderRefused | aiosmtplib.SMTPDataError):
                self._without(message, refusal.reason)
            raise refusal from None
        except (OSError, aiosmtplib.SMTPServerDisconnected) as error:  # time-outs and TLS errors are OSErrors
            reason = one_line(str(error)) or f"no answer within {SEND_TIMEOUT:g} s"
            if not isinstance(error, aiosmtplib.SMTPConnectError):
                self._without(message, reason)
            raise TemporaryError(reason) from None
        except aiosmtplib.SMTPException as error:  # no STARTTLS, no login offered
            raise PermanentError(one_line(error.message)) from None
        if refused:
            # The others have it: another attempt would double theirs.
            ids = [alert.id for alert in message.alerts]
            log.warning("notify.recipients_refused", alerts=ids, recipients=sorted(refused))
        return str(letter["Message-ID"])

    def _without(self, message: Message, reason: str) -> None:
        """From now on without its picture, if it has one; says so once, until a picture gets there again."""
        if message.picture is None:
            return
        self._failed = message.id
        if not self._told_refused:
            advice = f"{reason}: if that goes on, set pictures = false for this receiver"
            log.warning("notify.picture_refused", recipients=self._to, reason=redaction.redacted(advice))
        self._told_refused = True

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


def _note_login(username: str, password: str) -> None:
    """As AUTH PLAIN and AUTH LOGIN send it (RFC 4616), which a server's refusal may repeat."""
    for sent in (f"\0{username}\0{password}", password) if password else ():
        redaction.note(base64.b64encode(sent.encode()).decode())


def mail(message: Message, sender: str, to: list[str], template: Template | None = None) -> EmailMessage:
    """The mail: its Message-ID is made of its alerts' ids, and a confirmation answers the alert that it follows.

    So most mail programs show a mail that came twice once, and thread what belongs together.
    """
    told = tell(message)
    letter = EmailMessage(policy=SMTP)
    letter["From"] = sender
    letter["To"] = ", ".join(to)
    letter["Subject"] = told.headline
    letter["Date"] = localtime()
    letter["Message-ID"] = message_id(*(alert.id for alert in message.alerts))
    if answered := _answered(message):
        letter["In-Reply-To"] = answered
        letter["References"] = answered
    letter["Auto-Submitted"] = "auto-generated"
    letter[IDS_HEADER] = " ".join(_bare(alert.id) for alert in message.alerts[:MOST_LINES])
    own = own_text(template, told, MOST_LINES)
    letter.set_content(own or _text.render(told, MOST_LINES))
    if own is None:
        _add_page(letter, message, told)
    elif message.picture:
        letter.add_attachment(message.picture, "image", "png", filename=PICTURE_NAME, disposition="inline")
    return letter


def _add_page(letter: EmailMessage, message: Message, told: Told) -> None:
    """The HTML, and beside it the picture that it shows."""
    id_ = message_id(message.lead.id, "chart")
    variables = told.variables(MOST_LINES) | {
        "picture": f"cid:{id_[1:-1]}" if message.picture else None,
        "picture_text": picture_text(message),
    }
    letter.add_alternative(_page.render(variables), subtype="html")
    if message.picture:
        page = cast(EmailMessage, list(letter.iter_parts())[-1])
        page.add_related(
            message.picture, "image", "png", cid=id_, filename=PICTURE_NAME, disposition="inline"
        )


def _answered(message: Message) -> str | None:
    """The Message-ID of the mail that had the alert which this one follows."""
    # A receiver that was of another kind before has other receipts.
    if message.answers and _MESSAGE_ID.fullmatch(message.answers):
        return message.answers
    return message_id(message.follows) if message.follows else None


def message_id(alert_id: str, *others: str) -> str:
    """`<ID@tapewatch>`, of several `<ID.DIGEST@tapewatch>`; what may not stand in a Message-ID is left out.

    After a crash an alert may come again in other company: with the same Message-ID a mail program would drop that.
    """
    digest = f".{sha256(' '.join(others).encode()).hexdigest()[:16]}" if others else ""
    return f"<{_bare(alert_id)}{digest}@tapewatch>"


def _bare(alert_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "", alert_id)


def _refusal(code: int, text: str) -> TemporaryError | PermanentError:
    """A reply as an error: 5xx is permanent (RFC 5321, 4.2.1)."""
    reason = f"SMTP {code} {one_line(text)[:200]}"
    return PermanentError(reason) if code >= 500 else TemporaryError(reason)

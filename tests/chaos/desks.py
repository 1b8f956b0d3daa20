"""Two receivers, a webhook and a mailbox, in whatever mood is asked for; each behind a proxy."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import NamedTuple

from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.requests import Request
from starlette.responses import Response

from chaos.proxy import Proxy
from chaos.verdict import HOOK, MAIL
from notify.receiver_servers import Endpoint, Mailbox, http_server, smtp_server


class Taken(NamedTuple):
    """A message that a receiver said it took."""

    at: float
    """Loop time, s."""
    ids: list[str]
    """Of the alerts in it."""


class Hook(Endpoint):
    """Keeps what it answered with 200; first gives the answers in `answers`, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Taken] = []
        self.bodies: list[bytes] = []
        self.refused = 0

    async def answer(self, request: Request) -> Response:
        reply = await super().answer(request)
        if reply.status_code == 200:
            body = self.received[-1].body
            self.taken.append(Taken(_now(), [json.loads(body)["id"]]))
            self.bodies.append(body)
        else:
            self.refused += 1
        return reply


class Mail(Mailbox):
    """Keeps what it answered with 250; first gives the answers in `troubles`, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Taken] = []
        self.troubles: list[str] = []
        self.refused = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.troubles:
            self.refused += 1
            return self.troubles.pop(0)
        reply = await super().handle_DATA(server, session, envelope)
        self.taken.append(Taken(_now(), alerts_of(self.mails[-1])))
        return reply


def alerts_of(mail: EmailMessage) -> list[str]:
    """Ids of the alerts that a mail tells of."""
    told = mail["X-Tapewatch-Alerts"]
    if told is None:
        return [mail["Message-ID"].strip("<>").partition("@")[0]]
    return str(told).replace(",", " ").split()


def _now() -> float:
    return asyncio.get_running_loop().time()


class Desks:
    """Both receivers."""

    def __init__(self, hook: Hook, hook_line: Proxy, mail: Mail, mail_line: Proxy) -> None:
        self.hook, self.mail = hook, mail
        self.lines = {HOOK: hook_line, MAIL: mail_line}

    @property
    def taken(self) -> dict[str, list[Taken]]:
        """By receiver, in the order in which they were taken."""
        return {HOOK: self.hook.taken, MAIL: self.mail.taken}

    def config(self, mail_keys: str) -> str:
        """Their tables of the config."""
        return f"""
[[receiver]]
name = "{HOOK}"
kind = "webhook"
url = "http://127.0.0.1:{self.lines[HOOK].port}/alerts"
give_up_after = "10m"

[[receiver]]
name = "{MAIL}"
kind = "email"
host = "127.0.0.1"
port = {self.lines[MAIL].port}
security = "none"
sender = "tapewatch@example.com"
to = ["trader@example.com"]
give_up_after = "10m"
{mail_keys}

[[route]]
receivers = ["{HOOK}", "{MAIL}"]
"""


@asynccontextmanager
async def open_desks() -> AsyncIterator[Desks]:
    hook, mail = Hook(), Mail()
    async with (
        http_server(hook) as url,
        smtp_server(mail) as port,
        Proxy(int(url.split(":")[2].partition("/")[0])).open() as hook_line,
        Proxy(port).open() as mail_line,
    ):
        yield Desks(hook, hook_line, mail, mail_line)

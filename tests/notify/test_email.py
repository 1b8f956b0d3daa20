import asyncio
import base64
import re
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path

import pytest
from receiver_servers import Mailbox, smtp_server
from sample_alerts import HOSTILE, alert, later, message

from tapewatch import redaction
from tapewatch.notify.email import Email
from tapewatch.notify.email import mail as letter
from tapewatch.notify.message import Kind
from tapewatch.notify.sender import PermanentError, TemporaryError

FROM, TO = "Tapewatch <tape@example.com>", ["desk@example.com", "Risk <risk@example.com>"]


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_mail_arrives_as_the_config_wants_it_carried(
    security: str, certificate: tuple[Path, Path]
) -> None:
    mailbox = Mailbox()
    async with smtp_server(mailbox, security, certificate) as port:
        await Email("127.0.0.1", port, security, FROM, TO, ca_file=certificate[0]).send(message())
    (mail,) = mailbox.mails
    assert mailbox.encrypted == [security != "none"]
    assert mail["From"] == FROM
    assert mail["To"] == ", ".join(TO)
    assert mail["Subject"] == "S&P 500 crossed above 7,000, at 7,000.25"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = part(mail, "plain")
    assert text.startswith("▲ S&P 500 crossed above 7,000, at 7,000.25\n")
    for line in (
        "Next target: 7,100–7,200",
        "Distance: 0.25 points (<0.01%) above 7,000",
        "1d\n  RSI(14) 59.7\n  MACD(12,26,9) 24.1 / signal 22.0 / hist 2.1\n",
        "1h (warming up)\n  EMA(20) 6,970.00\n",
    ):
        assert line in text


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_an_unknown_certificate_gets_no_mail(security: str, certificate: tuple[Path, Path]) -> None:
    mailbox = Mailbox()
    async with smtp_server(mailbox, security, certificate) as port:
        with pytest.raises(TemporaryError, match="CERTIFICATE_VERIFY_FAILED"):
            await Email("127.0.0.1", port, security, FROM, TO).send(message())
    assert mailbox.mails == []


async def test_starttls_is_never_skipped() -> None:
    mailbox = Mailbox()
    async with smtp_server(mailbox, "none") as port:
        with pytest.raises(PermanentError, match="STARTTLS"):
            await Email("127.0.0.1", port, "starttls", FROM, TO).send(message())
    assert mailbox.mails == []


async def test_login(certificate: tuple[Path, Path]) -> None:
    mailbox = Mailbox()
    login = {"username": "tape", "password": "sesame", "ca_file": certificate[0]}
    async with smtp_server(mailbox, "starttls", certificate, login=("tape", "sesame")) as port:
        await Email("127.0.0.1", port, "starttls", FROM, TO, **login).send(message())
        with pytest.raises(PermanentError, match=r"^SMTP 535") as caught:
            await Email("127.0.0.1", port, "starttls", FROM, TO, **login | {"password": "wrong"}).send(
                message()
            )
    assert len(mailbox.mails) == 1
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    ("refusals", "kind"),
    [
        (["550 no such user", "550 no such user"], PermanentError),
        (["451 greylisted", "550 no such user"], TemporaryError),
    ],
)
async def test_refused_by_all(refusals: list[str], kind: type[Exception]) -> None:
    mailbox = Mailbox()
    mailbox.refusals = refusals
    async with smtp_server(mailbox) as port:
        with pytest.raises(kind, match=refusals[0]):
            await Email("127.0.0.1", port, "none", FROM, TO).send(message())


async def test_who_is_refused_does_not_cost_the_others_their_mail_nor_double_it() -> None:
    mailbox = Mailbox()
    mailbox.refusals = ["550 no such user"]
    async with smtp_server(mailbox) as port:
        await Email("127.0.0.1", port, "none", FROM, TO).send(message())
    assert len(mailbox.mails) == 1


async def test_nobody_listening_is_temporary(unused_tcp_port: int) -> None:
    with pytest.raises(TemporaryError, match="Error connecting"):
        await Email("127.0.0.1", unused_tcp_port, "none", FROM, TO).send(message())


def test_the_same_alert_has_the_same_message_id() -> None:
    first, again, other = (
        letter(message(), FROM, TO),
        letter(message(), FROM, TO),
        letter(message(alert(id="ab")), FROM, TO),
    )
    assert first["Message-ID"] == again["Message-ID"] == "<9f0c2a51d7b84e6f8d1c3b5a79e0f246@tapewatch>"
    assert other["Message-ID"] == "<ab@tapewatch>"
    assert "In-Reply-To" not in first


def test_a_mail_of_the_same_alert_in_other_company_is_another_mail() -> None:
    """As after a crash between sending and noting so: mail programs drop what has a Message-ID they have seen."""
    alone, two, three = (
        letter(message(*map(later, range(count))), FROM, TO)["Message-ID"] for count in (1, 2, 3)
    )
    assert len({alone, two, three}) == 3
    assert two == letter(message(later(0), later(1)), FROM, TO)["Message-ID"]


def test_a_digest_answers_nothing() -> None:
    follows = alert(id="cd", follows="ab")
    mail = letter(message(follows, later(1), kind=Kind.DIGEST), FROM, TO)
    assert "In-Reply-To" not in mail


def test_a_confirmation_answers_the_alert_that_it_follows() -> None:
    mail = letter(message(alert(id="cd", follows=alert().id)), FROM, TO)
    assert mail["In-Reply-To"] == mail["References"] == letter(message(), FROM, TO)["Message-ID"]


async def test_hostile_text_starts_no_header_and_no_markup() -> None:
    mailbox = Mailbox()
    async with smtp_server(mailbox) as port:
        await Email("127.0.0.1", port, "none", FROM, TO).send(message(HOSTILE))
    (mail,) = mailbox.mails
    assert {"X-Injected", "Bcc"}.isdisjoint(mail.keys())
    assert mail["Subject"] == "S&P 500 <b>crossed</b> X-Injected: yes <!here>"
    assert "\nBcc" not in part(mail, "plain")
    page = part(mail, "html")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert tags(page).isdisjoint({"script", "a"})
    assert "\x1b" not in page


def tags(page: str) -> set[str]:
    found: set[str] = set()

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            found.add(tag)

    Tags().feed(page)
    return found


def test_the_html_shows_what_the_text_shows() -> None:
    page = part(letter(message(), FROM, TO), "html")
    for words in (
        "S&amp;P 500 crossed above 7,000",
        "Opens the way",
        "7,100–7,200",
        "RSI(14) 59.7",
        "1h (warming up)",
    ):
        assert words in page


async def test_the_receipt_is_the_message_id_and_an_answer_names_it() -> None:
    mailbox = Mailbox()
    async with smtp_server(mailbox) as port:
        sender = Email("127.0.0.1", port, "none", FROM, TO)
        group = message(later(0, severity="info"), later(0.5))
        receipt = await sender.send(group)
        confirmed = alert(id="cd", follows=group.alerts[1].id)
        await sender.send(message(confirmed, answers=receipt))
    first, second = mailbox.mails
    assert first["Message-ID"] == receipt
    assert re.fullmatch(r"[!-~]{1,200}", receipt)
    # Not the id of the alert that it follows: that one was not the first in its mail.
    assert second["In-Reply-To"] == second["References"] == receipt


@pytest.mark.parametrize("receipt", ["1769610667.000100", "<a b@c>", "<a@b>\r\nBcc: all@example.com", ""])
def test_a_receipt_of_another_kind_is_no_message_id(receipt: str) -> None:
    answer = alert(id="cd", follows="ab")
    assert letter(message(answer, answers=receipt), FROM, TO)["In-Reply-To"] == "<ab@tapewatch>"


async def test_every_alert_of_a_digest_is_named_where_a_filter_finds_it() -> None:
    mailbox = Mailbox()
    alerts = [later(60 * number, text=f"S&P 500 alert {number}") for number in range(250)]
    async with smtp_server(mailbox) as port:
        await Email("127.0.0.1", port, "none", FROM, TO).send(message(*alerts, kind=Kind.DIGEST))
    (mail,) = mailbox.mails
    assert mail["Subject"] == "250 alerts from 09:31 to 13:40 EST"
    assert mail["X-Tapewatch-Alerts"].split() == [each.id for each in alerts[:200]]
    assert max(map(len, mailbox.raw[0].partition(b"\r\n\r\n")[0].split(b"\r\n"))) < 80
    for words in ("12:50:07 EST ▲ S&P 500 alert 199", "and 50 more: tapewatch log"):
        assert words in part(mail, "plain")
        assert words.replace("&", "&amp;") in part(mail, "html")
    assert "alert 200" not in part(mail, "plain")


def test_one_alert_is_named_too() -> None:
    assert letter(message(), FROM, TO)["X-Tapewatch-Alerts"] == alert().id


def test_several_alerts_are_one_mail() -> None:
    mail = letter(message(HOSTILE, later(0, severity="info", text="S&P 500 <i>up</i>")), FROM, TO)
    assert mail["Subject"].endswith(" · +1 more")
    assert "09:31:07 EST ▲ S&P 500 <i>up</i>" in part(mail, "plain")
    page = part(mail, "html")
    assert "09:31:07 EST ▲ S&amp;P 500 &lt;i&gt;up&lt;/i&gt;" in page
    assert tags(page).isdisjoint({"script", "a", "i"})


async def test_a_refusal_that_repeats_the_login_shows_no_password() -> None:
    password = "open-sesame-1001"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            if line.startswith(b"EHLO"):
                writer.write(b"250-hello\r\n250 AUTH PLAIN\r\n")
            else:
                said = line.split()[-1]
                writer.write(
                    b"535 no: " + said + b" is " + base64.b64decode(said).replace(b"\0", b" ") + b"\r\n"
                )
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    redaction.note(password)  # as who reads secrets does
    login = {"username": "tape", "password": password}
    with pytest.raises(PermanentError, match="SMTP 535 no: ") as raised:
        await Email("127.0.0.1", server.sockets[0].getsockname()[1], "none", FROM, TO, **login).send(
            message()
        )
    server.close()
    for form in (password, base64.b64encode(f"\0tape\0{password}".encode()).decode()):
        assert form not in raised.value.reason

"""The chart in a mail, and how the mail looks: in a browser, as no mail program runs here."""

import asyncio
import base64
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import product
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from PIL import Image
from playwright.async_api import Browser, async_playwright
from receiver_servers import Mailbox, smtp_server
from sample_alerts import HOSTILE, alert, later, message
from structlog.testing import capture_logs

from tapewatch.alerts.alert import Alert
from tapewatch.notify import sample_chart
from tapewatch.notify.email import Email, mail
from tapewatch.notify.message import Message
from tapewatch.notify.sender import PermanentError, TemporaryError
from tapewatch.notify.template import Template

CHROMIUM = Path("/usr/bin/chromium")
FROM, TO = "Tapewatch <tape@example.com>", ["desk@example.com"]
LINK = "https://tape.example.org/alerts/9f0c2a51d7b84e6f8d1c3b5a79e0f246"


@pytest.fixture(scope="module")
def chart() -> bytes:
    return sample_chart.picture(alert())


def pictured(chart: bytes, *alerts: Alert, link: str | None = LINK) -> Message:
    return replace(message(*alerts), picture=chart, link=link)


def sent(own: Message, template: Template | None = None) -> EmailMessage:
    """As it arrives."""
    return message_from_bytes(mail(own, FROM, TO, template).as_bytes(), policy=policy.default)


def html(letter: EmailMessage) -> str:
    page = letter.get_body(("html",))
    assert page is not None
    return str(page.get_content())


def kinds(letter: EmailMessage) -> list[str]:
    return [part.get_content_type() for part in letter.walk()]


async def test_the_picture_arrives_beside_the_html_that_shows_it(chart: bytes) -> None:
    mailbox = Mailbox()
    async with smtp_server(mailbox) as port:
        await Email("127.0.0.1", port, "none", FROM, TO).send(pictured(chart))
    (letter,) = mailbox.mails
    assert kinds(letter) == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    *_, picture = letter.walk()
    assert picture.get_content() == chart
    assert picture["Content-Disposition"] == 'inline; filename="chart.png"'
    id_ = picture["Content-ID"]
    assert re.fullmatch(r"<[0-9a-f.]+@tapewatch>", id_)
    page = html(letter)
    assert f'src="cid:{id_[1:-1]}"' in page
    assert "Chart of S&amp;P 500 up to 2026-01-28 09:31:07 EST" in page
    assert id_ != letter["Message-ID"]


def test_the_link_is_in_text_and_html(chart: bytes) -> None:
    letter = sent(pictured(chart))
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert f"Chart: {LINK}\n" in plain.get_content().replace("\r\n", "\n")
    assert html(letter).count(f'href="{LINK}"') == 2  # the picture, and the words below it


def test_without_a_picture_the_mail_is_as_before() -> None:
    letter = sent(message())
    assert kinds(letter) == ["multipart/alternative", "text/plain", "text/html"]
    assert "<img" not in html(letter)
    assert "href" not in html(letter)
    assert "Chart" not in str(letter)


def test_a_mail_of_ones_own_words_has_it_below_them(chart: bytes) -> None:
    letter = sent(pictured(chart), Template("{{ headline }}: {{ link }}", "own.j2"))
    assert kinds(letter) == ["multipart/mixed", "text/plain", "image/png"]
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().strip() == f"S&P 500 crossed above 7,000, at 7,000.25: {LINK}"


def test_hostile_words_stay_words_around_the_picture(chart: bytes) -> None:
    page = html(sent(pictured(chart, HOSTILE, link='https://x.example/"onload="alert(1)/alerts/1')))
    (image,) = re.findall(r"<img [^>]*>", page)
    assert "&lt;b&gt;crossed&lt;/b&gt;" in image
    assert 'onload="' not in page


class Strict(Mailbox):
    """A server that says something else to mails of more than 20,000 bytes; None: it hangs up."""

    def __init__(self, answer: str | None) -> None:
        super().__init__()
        self.answer = answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if len(envelope.content or b"") < 20_000:
            return await super().handle_DATA(server, session, envelope)
        if self.answer is None:
            server.transport.abort()
            await asyncio.sleep(0)
        return self.answer or ""


def mailer(port: int) -> Email:
    return Email("127.0.0.1", port, "none", FROM, TO)


@pytest.mark.parametrize("answer", ["552 5.3.4 too large", "554 5.7.1 no attachments"])
async def test_a_picture_that_the_server_refuses_does_not_cost_the_mail(chart: bytes, answer: str) -> None:
    mailbox = Strict(answer)
    async with smtp_server(mailbox) as port:
        desk = mailer(port)
        with capture_logs() as logs:
            for own in (alert(id="a1"), alert(id="a2")):
                await desk.send(pictured(chart, own))
    assert [kinds(letter) for letter in mailbox.mails] == [
        ["multipart/alternative", "text/plain", "text/html"]
    ] * 2
    (entry,) = logs  # told once
    assert entry["event"] == "notify.picture_refused"
    assert entry["reason"].startswith(f"SMTP {answer}")
    assert "pictures = false" in entry["reason"]


@pytest.mark.parametrize("answer", [None, "451 4.7.1 the scanner is busy"])
async def test_after_a_mail_that_broke_off_the_next_attempt_is_without_its_picture(
    chart: bytes, answer: str | None
) -> None:
    mailbox = Strict(answer)
    async with smtp_server(mailbox) as port:
        desk, own = mailer(port), pictured(chart)
        with pytest.raises(TemporaryError):
            await desk.send(own)
        await desk.send(own)
    assert len(mailbox.mails) == 1
    assert "image/png" not in kinds(mailbox.mails[0])


async def test_what_has_nothing_to_do_with_the_picture_does_not_cost_it(chart: bytes) -> None:
    mailbox = Mailbox()
    mailbox.refusals = ["450 4.2.0 greylisted", "550 no such user"]
    async with smtp_server(mailbox) as port:
        desk, own = mailer(port), pictured(chart)
        with pytest.raises(TemporaryError, match="greylisted"):
            await desk.send(own)
        with pytest.raises(PermanentError, match="no such user"):
            await desk.send(own)
        await desk.send(own)
    assert "image/png" in kinds(mailbox.mails[0])


@pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not here")
async def test_it_reads_on_a_desk_and_on_a_phone_by_day_and_by_night(chart: bytes, tmp_path: Path) -> None:
    others = (later(0, severity="info", text="S&P 500 crossed above SMA(50)@1m, at 6,995.50"), alert())
    letter = sent(pictured(chart, *others))
    async with browser() as chromium:
        for width, dark in product((600, 360), (False, True)):
            shot = await photographed(chromium, letter, width, dark, tmp_path / f"{width}-{dark}.png")
            assert shot.scroll_width == width  # nothing sticks out sideways
            assert shot.image_width == min(560, width - 24)
            corner = shot.picture.convert("RGB").getpixel((2, 2))
            assert isinstance(corner, tuple)
            assert (max(corner) < 60) == dark
            assert shot.least_contrast >= 4.5


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    arguments = [*flags.split(), "--disable-component-update", "--disable-sync"]
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        await chromium.close()


class Shot:
    def __init__(self, png: bytes, found: dict[str, float]) -> None:
        self.picture = Image.open(io.BytesIO(png))
        self.scroll_width = found["scroll"]
        self.image_width = found["image"]
        self.least_contrast = found["contrast"]


async def photographed(chromium: Browser, letter: EmailMessage, width: int, dark: bool, path: Path) -> Shot:
    """The HTML part as a mail program shows it, which finds the picture by its Content-ID."""
    *_, picture = letter.walk()
    data = f"data:image/png;base64,{base64.b64encode(picture.get_content()).decode()}"
    page = await chromium.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        device_scale_factor=2,
    )
    await page.set_content(html(letter).replace(f"cid:{picture['Content-ID'][1:-1]}", data))
    found = await page.evaluate(MEASURE)
    png = await page.screenshot(full_page=True, path=path)
    await page.close()
    return Shot(png, found)


MEASURE = """() => {
  const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (css) => {
    const [r, g, b] = css.match(/[0-9.]+/g).map(Number);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const ground = (own) => {
    while (own && getComputedStyle(own).backgroundColor === "rgba(0, 0, 0, 0)") own = own.parentElement;
    return getComputedStyle(own).backgroundColor;
  };
  const texts = [...document.querySelectorAll("h1, span, p, td, a, b")].filter((own) =>
    [...own.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const contrasts = texts.map((own) => {
    const [a, b] = [light(getComputedStyle(own).color), light(ground(own))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
  return {
    scroll: document.documentElement.scrollWidth,
    image: document.querySelector("img").getBoundingClientRect().width,
    contrast: Math.min(...contrasts),
  };
}"""

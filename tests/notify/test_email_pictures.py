"""The chart in a mail, and how the mail looks: in a browser, as no mail program runs here."""

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
from PIL import Image
from playwright.async_api import Browser, async_playwright
from receiver_servers import Mailbox, smtp_server
from sample_alerts import HOSTILE, alert, later, message

from tapewatch.alerts.alert import Alert
from tapewatch.notify import sample_chart
from tapewatch.notify.email import Email, mail
from tapewatch.notify.message import Message
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

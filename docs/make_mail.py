"""Takes the picture of a mail: `python docs/make_mail.py` writes `docs/pictures/mail.png`. It needs `chromium`.

The scenario's breakout, as the daemon would write and draw it, in the width that mail programs have.
"""

import asyncio
import base64
import tempfile
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path

from playwright.async_api import async_playwright

from tapewatch import example, sources
from tapewatch.alerts.alert import Alert, encode
from tapewatch.charting import Charts
from tapewatch.charts.keeper import Keeper
from tapewatch.charts.painter import Painter
from tapewatch.check import load
from tapewatch.feeds.scenario import sp500_7000
from tapewatch.market.sessions import sessions
from tapewatch.notify.email import mail
from tapewatch.notify.message import Message
from tapewatch.replay import Replay, Stretch

PICTURE = Path(__file__).parent / "pictures/mail.png"
MOMENT = 1_769_616_900_000_000_000
"""28 January 2026, 11:15 in New York, ns UTC: 7,000 is broken."""
WIDTH = 640
"""px."""


async def breakout(folder: Path) -> tuple[Alert, bytes]:
    """The alert, and its chart (PNG)."""
    scenario = sp500_7000(sessions("XNYS"))
    scenario.write(folder)
    base = load(example.config())
    history = [folder / f"{scenario.symbol}-{timeframe}.csv" for timeframe in scenario.history]
    config = base.model_copy(update={"watch": [base.watch[0].model_copy(update={"history": history})]})
    replay = Replay(config, keep_bars=True)
    replay.warm([], [])
    ticks = scenario.tape().rows({scenario.symbol: 0})
    with closing(Keeper(folder / "charts.sqlite")) as keeper:
        charts = Charts(keeper, Painter())
        charts.watch(config, replay.engine, sources.pasts(config, [None]))
        for alerts in replay.run([Stretch(Path(), ticks[ticks["time"] <= MOMENT], MOMENT, batch=1)]):
            charts.fired(alerts)
            for own in alerts:
                if own.data.rule == "breakout":
                    picture = await charts.picture(own)
                    await charts.close()
                    return own, picture or b""
    raise AssertionError("the scenario breaks 7,000")


def page(letter: EmailMessage, picture: bytes) -> str:
    """Its HTML, with the picture in place of the reference to it."""
    body, related = (
        next(own for own in letter.walk() if own.get_content_type() == kind)
        for kind in ("text/html", "image/png")
    )
    data = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    return str(body.get_content()).replace(f"cid:{related['Content-ID'][1:-1]}", data)


async def main() -> None:
    """Takes it."""
    with tempfile.TemporaryDirectory() as folder:
        alert, picture = await breakout(Path(folder))
    link = f"https://tape.example.org/alerts/{alert.id}"
    letter = mail(
        Message((alert,), (encode(alert),), picture=picture, link=link),
        "tapewatch@example.org",
        ["desk@example.org"],
    )
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        view = await chromium.new_page(viewport={"width": WIDTH, "height": 400})
        await view.set_content(page(letter, picture))
        await view.screenshot(path=PICTURE, full_page=True)
        await chromium.close()


if __name__ == "__main__":
    asyncio.run(main())

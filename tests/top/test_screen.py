"""The screen of `top` in every size, and its keys, without a daemon."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len

from notify.sample_alerts import HOSTILE, alert
from tapewatch.alerts.alert import encode
from tapewatch.status import status_of
from tapewatch.top.app import Top
from tapewatch.top.client import Client
from tapewatch.top.sse import Event
from tapewatch.top.state import State
from tapewatch.top.wire import Found, Listed
from test_status import NOW, WATCH
from top.charts import chart

SPX = Listed("SPX", "S&P 500", ["1m", "5m", "1h", "1d"], 6961.25)
NDX = Listed("NDX", "Nasdaq 100", ["1m", "1h"])
HEALTH = {
    "role": "leading",
    "ready": False,
    "checks": [{"name": "feed tape", "ok": False, "reason": "stale"}],
    "instance": "sp500",
    "member": "nyc-1",
    "feeds": [{"name": "tape", "vendor": "massive", "state": "subscribed", "stale": True, "lag_s": None}],
    "redis": {"ok": False, "away_s": 12.3},
    "lease": {"leader": "nyc-1", "held": True},
    "receivers": [{"name": "desk", "waiting": 3}, {"name": "mail", "waiting": None}],
    "symbols": 2,
}
ENTRY = {
    "alert": json.loads(encode(alert())),
    "deliveries": [
        {"receiver": "desk", "outcome": "sent"},
        {"receiver": "mail", "outcome": "gave_up", "detail": "HTTP 500"},
    ],
    "waiting": ["hook"],
}


class Still(Top):
    """Listens to nobody; its state is what a test says it is."""

    listened: int = 0

    def listen(self) -> None:
        self.listened += 1


def event(name: str, data: Any) -> Event:
    return Event(name, msgspec.json.encode(data).decode(), "")


def filled() -> State:
    state = State(Found("sp500", 2, 2, [SPX, NDX]), "SPX", "1m")
    own = chart((6950, 6970, 6940, 6960), (6960, 6965, 6955, 6961.25), timeframes=SPX.timeframes)
    state.take(event("chart", own))
    state.take(event("watch", status_of(WATCH, NOW)))
    state.take(event("health", HEALTH))
    state.take(event("alert", ENTRY))
    return state


def lines(app: Top) -> list[str]:
    return ["".join(part.text for part in strip) for strip in app.screen._compositor.render_strips()]


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (120, 40), (220, 60), (20, 6), (110, 24)])
async def test_it_fills_any_terminal_and_says_what_matters(size: tuple[int, int]) -> None:
    app = Still(Client("http://127.0.0.1:9", None), filled())
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        shown = lines(app)
        assert (len(shown), {cell_len(line) for line in shown}) == (size[1], {size[0]})
        assert shown[0].startswith("S&P 500  6,961.25")
        assert shown[1].startswith("✗ not ready")
        assert "quit" in shown[-1]
        if size[0] >= 80:
            text = "\n".join(shown)
            for part in (
                "tape subscribed but stale",
                "Redis away for 12 s",
                "lead: nyc-1",
                "desk: 3 waiting",
            ):
                assert part in text or size[0] < 100
            for part in ("crossed above 7,000", "✓ desk", "✗ mail: HTTP 500", "… hook", "RSI(14)"):
                assert part in text
            assert "7,000  breakout" in text.replace("breakout  breakout", "breakout")


async def test_the_terminal_may_change_its_size() -> None:
    app = Still(Client("http://127.0.0.1:9", None), filled())
    async with app.run_test(size=(160, 50)) as pilot:
        await pilot.pause()
        assert "▸ SPX" in "\n".join(lines(app))
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        shown = lines(app)
        assert (len(shown), {cell_len(line) for line in shown}) == (20, {60})


async def test_keys_choose_symbol_and_timeframe() -> None:
    app = Still(Client("http://127.0.0.1:9", None), filled())
    async with app.run_test(size=(100, 30)) as pilot:
        for key, symbol, timeframe in (
            ("t", "SPX", "5m"),
            ("3", "SPX", "1h"),
            ("9", "SPX", "1h"),
            ("down", "NDX", "1h"),
            ("j", "SPX", "1h"),
            ("4", "SPX", "1d"),
            ("k", "NDX", "1m"),  # it has no days
        ):
            await pilot.press(key)
            assert (app.state.symbol, app.state.timeframe) == (symbol, timeframe)
        assert app.listened == 1 + 6  # a key that chooses nothing asks for nothing
        assert app.state.chart is None


async def test_help_comes_and_goes() -> None:
    app = Still(Client("http://127.0.0.1:9", None), filled())
    async with app.run_test(size=(100, 34)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert "silence the symbol for an hour" in "\n".join(lines(app))
        await pilot.press("escape")
        await pilot.pause()
        assert "silence the symbol for an hour" not in "\n".join(lines(app))


async def test_a_search_without_a_daemon_says_so() -> None:
    app = Still(Client("http://127.0.0.1:9", None), filled())
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("slash")
        async with asyncio.timeout(20):
            while "no tapewatch listens" not in "\n".join(lines(app)):
                await pilot.pause(0.05)
        await pilot.press("escape")
        await pilot.pause()
        assert "no tapewatch listens" not in "\n".join(lines(app))


async def test_nothing_that_others_wrote_draws_on_the_terminal() -> None:
    state = filled()
    body = json.loads(encode(HOSTILE)) | {"subject": "[red]\x1b[2J"}
    hostile = "[bold]\x1b]0;x\x07\u202e"
    state.take(
        event(
            "alert",
            {
                "alert": body,
                "deliveries": [{"receiver": "desk", "outcome": "refused", "detail": hostile}],
                "waiting": [hostile],
            },
        )
    )
    state.take(
        event("silences", [{"id": "1", "state": "holds", "until": "2026-01-28T15:00:00Z", "symbol": hostile}])
    )
    state.take(event("watch", {**status_of(WATCH, NOW), "title": hostile}))
    app = Still(Client("http://127.0.0.1:9", None), state)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        shown = "\n".join(lines(app))
        assert "[red]" in shown  # is no markup
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)


async def test_no_color_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Still(Client("http://127.0.0.1:9", None), filled())
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        colours = {
            part.style.color.triplet
            for strip in app.screen._compositor.render_strips()
            for part in strip.apply_filter(app._filters[-1], app.screen.background_colors[0])
            if part.style and part.style.color and part.style.color.triplet
        }
        assert colours
        assert all(red == green == blue for red, green, blue in colours)

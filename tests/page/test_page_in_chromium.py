"""The live page in Chromium, against the real daemon on the simulated tape."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from notify.receiver_servers import Endpoint
from page.stage import HOSTILE, Stage, Viewer, until, viewer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEEN = """() => {
  window.seen = {};
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) {
      if (node.dataset?.id) window.seen[node.dataset.id] ??= Date.now() / 1000;
    }
  }).observe(document.getElementById("alerts"), { childList: true });
}"""
"""Notes when each alert came to the log."""

PHONE = {"viewport": {"width": 360, "height": 760}, "device_scale_factor": 2, "has_touch": True}


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, stage: Stage) -> AsyncIterator[Viewer]:
    """Open, and live; nothing may be complained about."""
    async with viewer(browser, stage) as own:
        await expect(own.page.locator("#connection")).to_have_text("Live")
        yield own
        assert own.complaints == []
        assert await own.page.evaluate("window.hostile") is None


async def crossed(stage: Stage, hook: Endpoint) -> str:
    """The id of an alert that the other symbol's level gives now; the receiver may or may not have it."""
    async with stage.redis() as redis:
        before = await stage.newest(redis)
        await stage.reel.other(90.0, 90.0, 101.0)
        id_ = await until(lambda: stage.newest(redis, other_than=before), "an alert")
    return str(id_)


async def test_the_chart_moves(page: Viewer, stage: Stage, library: None) -> None:
    chart, price = page.page.locator("#chart"), page.page.locator("#price")
    await expect(chart).to_have_attribute("aria-busy", "false")
    before = await chart.screenshot()
    await stage.reel.play(stage.reel.at + 60)
    last = f"{stage.reel.scenario.price[stage.reel.at - 1]:,.2f}"
    await expect(price).to_have_text(last)
    await expect(page.page.locator("#legend")).to_contain_text(f"C {last}")
    assert await chart.screenshot() != before


async def test_an_alert_is_there_within_a_second_of_its_commit(
    page: Viewer, stage: Stage, hook: Endpoint
) -> None:
    await page.page.evaluate(SEEN)
    id_ = await crossed(stage, hook)
    entry = page.page.locator(f'#alerts [data-id="{id_}"]')
    await expect(entry.locator(".text")).to_contain_text("crossed above 100")
    seen = (await page.page.evaluate("window.seen"))[id_]
    assert seen - await stage.committed(id_) < 1
    await expect(entry.locator(".receivers")).to_contain_text("✓ hook")
    await expect(page.page.locator("#news")).to_contain_text("crossed above 100")  # for a screen reader


async def test_a_silence_made_on_the_page_silences(page: Viewer, stage: Stage, hook: Endpoint) -> None:
    form, silences = page.page.locator("#silence"), page.page.locator("#silences li")
    await form.get_by_label("Symbol").fill(HOSTILE)
    await form.get_by_label("Why").fill(f"because {HOSTILE}")
    await form.get_by_role("button").click()
    await expect(silences).to_have_count(1)
    await expect(silences).to_contain_text(f"because {HOSTILE}")
    id_ = await crossed(stage, hook)
    entry = page.page.locator(f'#alerts [data-id="{id_}"] .receivers')
    await expect(entry).to_contain_text("hook silenced")
    assert id_ not in told(hook)

    await silences.get_by_role("button", name="Lift").click()
    await expect(page.page.locator('#silences li[data-state="holds"]')).to_have_count(0)
    id_ = await crossed(stage, hook)
    await expect(page.page.locator(f'#alerts [data-id="{id_}"] .receivers')).to_contain_text("✓ hook")
    assert id_ in told(hook)


async def test_what_cannot_be_silenced_is_told(browser: Browser, stage: Stage) -> None:
    async with viewer(browser, stage) as own:
        form = own.page.locator("#silence")
        await expect(own.page.locator("#price")).not_to_have_text("–")
        await form.get_by_label("Rule").fill("braekout")
        await form.get_by_role("button").click()
        await expect(form.get_by_role("alert")).to_contain_text("breakout")


async def test_hostile_names_stay_text(page: Viewer, stage: Stage, hook: Endpoint) -> None:
    await crossed(stage, hook)
    await page.page.get_by_role("combobox", name="Symbol").fill("hostile")
    await page.page.locator("#found li").first.click()
    await expect(page.page.locator("#title")).to_have_text(f"Hostile {HOSTILE} ({HOSTILE})")
    await expect(page.page.locator("#levels")).to_contain_text(f"zone {HOSTILE}")
    await expect(page.page.locator("#alerts")).to_contain_text(f"note {HOSTILE}")
    await expect(page.page.locator("#summary")).to_contain_text("bars of 1m")
    assert await page.page.locator("img[src=x]").count() == 0


async def test_all_is_done_by_keyboard(page: Viewer, library: None) -> None:
    keys = page.page.keyboard
    await expect(page.page.locator("#chart")).to_have_attribute("aria-busy", "false")
    await keys.press("Tab")
    await expect(page.page.locator(".skip")).to_be_focused()
    await keys.press("Tab")
    await expect(page.page.get_by_role("combobox", name="Symbol")).to_be_focused()
    await keys.type("SPX")
    await expect(page.page.locator("#found")).to_be_visible()
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await expect(page.page.locator("#found")).to_be_hidden()
    await keys.press("Tab")
    await keys.press("Enter")
    await expect(page.page.get_by_role("button", name="1m", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    await expect(page.page.locator("#chart")).to_have_attribute("aria-busy", "false")
    await page.page.locator("#chart").focus()
    shown = page.page.locator("#legend b").first
    newest = await shown.inner_text()
    await keys.press("ArrowLeft")
    await expect(shown).not_to_have_text(newest)
    await expect(page.page.locator("#pointed")).to_contain_text("close")
    await keys.press("End")
    await expect(shown).to_have_text(newest)


async def test_times_are_the_exchanges_with_the_viewers_beside_them(page: Viewer) -> None:
    await expect(page.page.locator("#time")).to_contain_text("EST")
    await expect(page.page.locator("#your-time")).to_contain_text("GMT+1, your time")


async def test_the_theme_that_was_chosen_is_kept(page: Viewer) -> None:
    button = page.page.get_by_role("button", name="Dark")
    await expect(button).to_have_attribute("aria-pressed", "false")
    await button.click()
    await page.page.reload()
    await expect(button).to_have_attribute("aria-pressed", "true")
    assert await page.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 19, 24)"


async def test_a_link_opens_the_page_at_its_alert(browser: Browser, stage: Stage, hook: Endpoint) -> None:
    id_ = await crossed(stage, hook)
    async with viewer(browser, stage, f"/alerts/{id_}") as own:
        shown = own.page.locator("#looked-at")
        await expect(shown).to_contain_text("crossed above 100")
        await expect(own.page.locator("#title")).to_contain_text("Hostile")
        drawn = "document.querySelector('#looked-at img').naturalWidth > 0"
        await until(lambda: own.page.evaluate(drawn), "its picture")
        assert own.complaints == []


async def test_without_the_library_the_servers_picture_is_shown(browser: Browser, stage: Stage) -> None:
    async with viewer(browser, stage, library=False) as own:
        image = own.page.locator("#picture img")
        await expect(image).to_be_visible()
        assert await image.evaluate("(own) => own.naturalWidth") > 600
        await expect(own.page.locator("#legend")).to_contain_text("RSI(14)")
        await expect(own.page.locator("#chart")).to_be_hidden()


@pytest.mark.parametrize("state", ["light", "dark", "phone", "login", "picture"])
async def test_axe_finds_nothing(browser: Browser, stage: Stage, axe: None, state: str) -> None:
    options = {"dark": {"color_scheme": "dark"}, "phone": PHONE}.get(state, {})
    signed_in = state != "login"
    async with viewer(browser, stage, library=state != "picture", log_in=signed_in, **options) as own:
        if signed_in:
            await expect(own.page.locator("#levels tbody tr").first).to_be_visible()
            await own.page.locator("#bars-details summary").click()
            await expect(own.page.locator("#bars tbody tr").first).to_be_visible()
        else:
            await expect(own.page.get_by_label("Token")).to_be_focused()
        assert await own.violations() == []
        if state == "phone":
            assert await own.page.evaluate("document.documentElement.scrollWidth") == 360


async def test_who_knows_the_token_logs_in_and_out(browser: Browser, stage: Stage) -> None:
    async with viewer(browser, stage, "/?symbol=SPX&timeframe=1h", log_in=False) as own:
        await own.page.get_by_label("Token").fill("wrong")
        await own.page.get_by_role("button", name="Log in").click()
        await expect(own.page.get_by_role("alert")).to_contain_text("not the token")
        await own.page.get_by_label("Token").fill("page-sesame")
        await own.page.get_by_role("button", name="Log in").click()
        await expect(own.page.get_by_role("button", name="1h")).to_have_attribute("aria-pressed", "true")
        await own.page.get_by_role("button", name="Log out").click()
        await expect(own.page.get_by_label("Token")).to_be_visible()


async def test_a_daemon_that_goes_is_missed_and_found_again(
    browser: Browser, stage: Stage, hook: Endpoint, axe: None
) -> None:
    async with viewer(browser, stage) as own:
        connection, banners = own.page.locator("#connection"), own.page.locator("#banners")
        await expect(connection).to_have_text("Live")
        port = int(stage.url.rpartition(":")[2])
        await stage.stop()
        await expect(connection).to_have_text("Disconnected")
        await expect(banners).to_contain_text("What is shown is old")
        assert await own.violations() == []
        await stage.start(port)
        await expect(connection).to_have_text("Live", timeout=30_000)
        await expect(banners).to_be_empty()
        id_ = await crossed(stage, hook)
        await expect(own.page.locator(f'#alerts [data-id="{id_}"]')).to_be_visible()


def told(hook: Endpoint) -> set[str]:
    """The ids of the alerts that the receiver has."""
    return {json.loads(request.body)["id"] for request in hook.received}

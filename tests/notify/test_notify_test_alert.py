import io
from typing import Any

import pytest
from PIL import Image
from receiver_servers import Endpoint, http_server
from sample_alerts import told
from slack_server import CHANNEL, TOKEN, SlackServer
from starlette.responses import Response
from structlog.testing import capture_logs

from tapewatch.alerts.alert import decode, encode
from tapewatch.config import Config
from tapewatch.engine.indicators import PERIODS, indicator
from tapewatch.notify.build import ReceiverError
from tapewatch.notify.render import facts
from tapewatch.notify.slack import payload
from tapewatch.notify.test_alert import NotDeliveredError, sample_alert, send_test


def config(**watch: Any) -> Config:
    return Config.model_validate({"name": "sp500", "watch": [{"symbol": "SPX", "title": "S&P 500", **watch}]})


BREAKOUT = {"name": "breakout", "price": 7000, "role": "breakout", "next": "7,100–7,200"}


def test_it_is_the_first_level_and_says_that_it_is_a_test() -> None:
    alert = sample_alert(config(level=[BREAKOUT, {"price": 6790}]))
    assert alert.data.text == "TEST: S&P 500 crossed above 7,000"
    assert alert.type == "tapewatch.test"
    assert "test" in (alert.data.note or "")
    assert (alert.data.rule, alert.data.level, alert.data.next) == ("breakout", 7000, "7,100–7,200")
    told = dict(facts(alert))
    assert told["Distance"] == "3.50 points (0.05%) above 7,000"
    assert [line.partition(" ")[0] for line in told["1d"].splitlines()] == [
        "RSI(14)",
        "MACD(12,26,9)",
        "SMA(50)",
        "SMA(200)",
        "EMA(20)",
    ]


@pytest.mark.parametrize(
    ("watch", "level"),
    [
        ({"zone": [{"name": "resistance", "low": 6950, "high": 6970}]}, 6970),
        ({}, 100),
        ({"level": [{"price": 166.5}]}, 166.5),
    ],
)
def test_every_config_has_one_that_can_be_sent(watch: dict[str, Any], level: float) -> None:
    alert = sample_alert(config(**watch))
    assert alert.data.level == level
    assert alert.data.rule
    assert decode(encode(alert)) == alert
    assert payload(told(alert))["blocks"]


def test_every_indicator_there_is_has_a_likely_value() -> None:
    every = [str(indicator(kind, periods)) for kind, periods in PERIODS.items()]
    told = dict(facts(sample_alert(config(level=[BREAKOUT], indicators=every, timeframes=["1h"]))))
    assert told["1h"].splitlines() == [
        "SMA(50) 6,863.43",
        "EMA(20) 6,968.48",
        "RSI(14) 59.7",
        "MACD(12,26,9) 24.5 / signal 22.1 / hist 2.5",
        "ATR(14) 70.035",
        "BB(20,2) upper 7,073.53 / middle 6,933.47 / lower 6,793.39",
        "ROC(10) +1.20%",
        "VWAP 6,989.49",
    ]


def desk(url: str) -> Config:
    return Config.model_validate(
        {
            "name": "sp500",
            "watch": [{"symbol": "SPX", "level": [BREAKOUT]}],
            "receiver": [{"name": "desk", "kind": "webhook", "url": url}],
        }
    )


async def test_it_is_sent_though_no_route_leads_there(
    url: str, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_RECEIVER_DESK_SECRET", "sesame")
    await send_test(desk(url), "desk")
    assert decode(endpoint.received[0].body).data.text == "TEST: SPX crossed above 7,000"


async def test_a_sample_picture_goes_along_to_who_shows_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    slack = SlackServer()
    monkeypatch.setenv("TAPEWATCH_RECEIVER_DESK_TOKEN", TOKEN)
    async with http_server(slack) as url:
        keys = {"name": "desk", "kind": "slack", "channel": CHANNEL, "api_url": f"{url}/api/"}
        own = {"name": "sp500", "watch": [{"symbol": "SPX", "level": [BREAKOUT]}], "receiver": [keys]}
        await send_test(Config.model_validate(own), "desk")
        slack.scopes.remove("files:write")
        with capture_logs() as logs:
            await send_test(Config.model_validate(own), "desk")
    (file,) = slack.files.values()
    assert Image.open(io.BytesIO(file.content)).size == (1200, 800)
    shown = [[block["type"] for block in posted["blocks"]] for posted in slack.messages]
    assert ["image" in types for types in shown] == [True, False]
    assert "files:write" in logs[0]["reason"]


async def test_a_refusal_is_told_without_the_url(
    url: str, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_RECEIVER_DESK_SECRET", "sesame")
    endpoint.answers = [Response(status_code=403)]
    with pytest.raises(NotDeliveredError) as caught:
        await send_test(desk(url), "desk")
    assert str(caught.value) == "receiver 'desk' did not take it: HTTP 403"


async def test_a_receiver_that_is_not_there() -> None:
    with pytest.raises(ReceiverError, match=r"no receiver 'dsek': did you mean .desk.\?"):
        await send_test(desk("http://127.0.0.1/"), "dsek")

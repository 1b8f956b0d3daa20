"""A made-up alert, and its way to one receiver: `tapewatch notify-test`."""

import asyncio
import time
from dataclasses import replace
from functools import partial

from tapewatch.alerts.alert import Alert, AlertData, alert_id, encode
from tapewatch.alerts.build import iso_ns, local_iso
from tapewatch.alerts.numbers import level as level_text
from tapewatch.alerts.schema import TEST_TYPE
from tapewatch.config import Config, Level, Watch
from tapewatch.engine.indicators import OUTPUTS, parse_indicator
from tapewatch.market.sessions import sessions
from tapewatch.notify import sample_chart
from tapewatch.notify.build import ReceiverError, build
from tapewatch.notify.http import http_client
from tapewatch.notify.message import Message
from tapewatch.notify.sender import PermanentError, TemporaryError
from tapewatch.notify.spare import Spare
from tapewatch.problems import did_you_mean


class NotDeliveredError(Exception):
    """The receiver did not take the alert; the message says why, without its URL."""


async def send_test(config: Config, receiver_name: str) -> None:
    """Sends the sample alert to one receiver, once, whatever the routes say.

    Raises:
        ReceiverError: there is no such receiver, or it lacks a secret.
        ConfigError: a secret's file cannot be read.
        NotDeliveredError: it did not take the alert.
    """
    receiver = next((each for each in config.receiver if each.name == receiver_name), None)
    if receiver is None:
        names = [each.name for each in config.receiver]
        there_are = f"it has {', '.join(names)}" if names else "add a [[receiver]]"
        raise ReceiverError(
            f"the config has no receiver {receiver_name!r}: {did_you_mean(receiver_name, names, there_are)}"
        )
    alert = sample_alert(config)
    async with http_client() as http:
        sender = build(receiver, partial(config.secret, "receiver"), http)
        try:
            await sender.send(await _message(alert, sender.pictures))
        except (PermanentError, TemporaryError) as error:
            raise NotDeliveredError(f"receiver {receiver_name!r} did not take it: {error.reason}") from None


async def _message(alert: Alert, pictures: bool) -> Message:
    message = Message((alert,), (encode(alert),))
    if not pictures:
        return message
    picture = await asyncio.to_thread(sample_chart.picture, alert)
    return replace(message, picture=picture, spare=Spare())


def sample_alert(config: Config) -> Alert:
    """What an alert of the config's first level would look like, said to be a test in text and note.

    Without a level, the first watch with any price of its zones, else 100.
    """
    watch, level = _first_level(config)
    now = time.time_ns()
    zone = sessions(watch.calendar).zone
    title = watch.title or watch.symbol
    price = round(level.price * 1.0005, 2)
    return Alert(
        id=alert_id(config.name, watch.symbol, level.name, TEST_TYPE, now, 0),
        source=f"/tapewatch/{config.name}",
        type=TEST_TYPE,
        subject=watch.symbol,
        time=iso_ns(now),
        data=AlertData(
            rule=level.name or level_text(level.price),
            title=title,
            role=level.role,
            direction="up",
            price=price,
            level=level.price,
            distance=price - level.price,
            timeframe=None,
            indicators=_indicators(watch, price),
            gap=None,
            late=False,
            hours="regular",
            stage=None,
            follows=None,
            warm=True,
            severity=level.severity,
            next=level.next,
            note=" ".join(filter(None, ("This is a test: the figures are made up.", level.note))),
            text=f"TEST: {title} crossed above {level_text(level.price)}",
            exchange_time=local_iso(now, zone),
            zone=str(zone),
            time_ns=str(now),
        ),
    )


def _first_level(config: Config) -> tuple[Watch, Level]:
    for watch in config.watch:
        if watch.level:
            return watch, watch.level[0]
    for watch in config.watch:
        if watch.zone:
            zone = watch.zone[0]
            edge = {"price": zone.high} | zone.model_dump(
                include={"name", "role", "next", "note", "severity"}
            )
            return watch, Level.model_validate(edge)
    return config.watch[0], Level(name="test", price=100)


def _indicators(watch: Watch, price: float) -> dict[str, float]:
    """A likely value for each indicator of the watch in each of its timeframes."""
    return {
        f"{indicator}{output}@{timeframe}": _likely(indicator.kind, output, price)
        for indicator in map(parse_indicator, watch.indicators)
        for output in OUTPUTS[indicator.kind]
        for timeframe in watch.timeframes
    }


def _likely(kind: str, output: str, price: float) -> float:
    match kind:
        case "rsi":
            return 59.7
        case "roc":
            return 1.2
        case "macd":
            return price * {"": 0.0035, ".signal": 0.00315, ".hist": 0.00035}[output]
        case "bb":
            return price * {".upper": 1.01, ".middle": 0.99, ".lower": 0.97}[output]
    return price * {"sma": 0.98, "ema": 0.995, "vwap": 0.998, "atr": 0.01}[kind]

"""`docs/asyncapi.yaml`: the channel and the stream on which other programs get alerts, for tools that read AsyncAPI.

Names come from `store/keys.py`, the form of an alert from `docs/alert.schema.json`, examples from the demo's scenario.

Source: AsyncAPI 3.0.0, https://www.asyncapi.com/docs/reference/specification/v3.0.0. In an address `{name}` is a
parameter, so that the braces of our stream's key, which are literal, are part of one.
"""

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from tapewatch.alerts.alert import Alert, encode
from tapewatch.store.keys import Keys

PAGE = Path(__file__).parent / "asyncapi.yaml"
SCHEMA = "./alert.schema.json"

_HEAD = "# Made by docs/make.py. What the fields mean: docs/alerts.md.\n"
_INFO = (
    "Alerts of tapewatch in Redis: as they are committed on a pub/sub channel for each symbol, and in a stream that "
    "keeps the newest 100,000. An alert is one CloudEvents 1.0 object, the same in both, byte for byte. docs/examples "
    "has a subscriber in Python and one in Node."
)
_SERVER = (
    "What `redis.url` of the config names; without it, a server of tapewatch's own on the Unix socket "
    "`redis/redis.sock` in the state folder."
)
_CHANNEL = (
    "Each alert once, as it is committed. Who is not connected misses it. `PSUBSCRIBE` with `*` in place of the symbol "
    "gets those of all. Alerts about a feed come under the feed's name."
)
_STREAM = (
    "`XREAD` from the last entry that was read misses none. The same alert may stand there twice after Redis lost what "
    "it had: tell by `id`. Do not write to it."
)


def page(alerts: Sequence[Alert]) -> str:
    """The description, with these alerts as its examples."""
    text: str = yaml.safe_dump(description(alerts), sort_keys=False, allow_unicode=True, width=110)
    return _HEAD + text


def description(alerts: Sequence[Alert]) -> dict[str, Any]:
    """The same as data."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "tapewatch",
            "version": version("tapewatch"),
            "description": _INFO,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "redis": {
                "host": "localhost:6379",
                "protocol": "redis",
                "description": _SERVER,
            }
        },
        "channels": {"alerts": _channel(), "stream": _stream()},
        "operations": {
            "publish": _operation("alerts", "alert", "PUBLISH of each alert, in the commit that writes it."),
            "append": _operation("stream", "entry", "XADD of each alert whose id the stream does not hold."),
        },
        "components": {
            "messages": {"alert": _alert(alerts), "entry": _entry(alerts[0])},
            "schemas": {"entry": _entry_schema()},
        },
    }


def _channel() -> dict[str, Any]:
    return {
        "address": Keys("{instance}").channel("{symbol}"),
        "title": "Alerts of a symbol",
        "description": _CHANNEL,
        "servers": [{"$ref": "#/servers/redis"}],
        "messages": {"alert": {"$ref": "#/components/messages/alert"}},
        "parameters": {
            "instance": {"description": "`name` of the config.", "examples": ["sp500"]},
            "symbol": {
                "description": "`symbol` of the watch, or the name of a feed.",
                "examples": ["SPX", "XLC/SPY"],
            },
        },
    }


def _stream() -> dict[str, Any]:
    own = "sp500"
    braced = f"{{{own}}}"
    return {
        "address": Keys(own).alerts.replace(braced, "{tag}"),
        "title": "The log of alerts",
        "description": _STREAM,
        "servers": [{"$ref": "#/servers/redis"}],
        "messages": {"entry": {"$ref": "#/components/messages/entry"}},
        "parameters": {
            "tag": {
                "description": "`name` of the config, in braces that are part of the key.",
                "examples": [braced],
            },
        },
    }


def _operation(channel: str, message: str, summary: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
    }


def _alert(alerts: Sequence[Alert]) -> dict[str, Any]:
    return {
        "name": "alert",
        "title": "An alert",
        "contentType": "application/cloudevents+json",
        "payload": {"$ref": SCHEMA},
        "examples": [
            {"name": alert.type, "summary": alert.data.text, "payload": json.loads(encode(alert))}
            for alert in alerts
        ],
    }


def _entry(alert: Alert) -> dict[str, Any]:
    fields = {"id": alert.id, "json": encode(alert).decode()}
    return {
        "name": "entry",
        "title": "An entry of the stream",
        "payload": {"$ref": "#/components/schemas/entry"},
        "examples": [{"name": alert.type, "summary": alert.data.text, "payload": fields}],
    }


def _entry_schema() -> dict[str, Any]:
    """Redis' fields are strings, some of which hold JSON."""
    return {
        "type": "object",
        "required": ["id", "json"],
        "properties": {
            "id": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The alert's id."},
            "json": {
                "type": "string",
                "contentMediaType": "application/cloudevents+json",
                "description": "The alert, as the channel has it.",
            },
            "trace": {
                "type": "string",
                "contentMediaType": "application/json",
                "description": "How it came about, see `tapewatch explain`; not of what is about a feed.",
            },
            "delivered": {
                "type": "string",
                "description": "Receivers that had it while Redis was away, with commas between.",
            },
        },
    }

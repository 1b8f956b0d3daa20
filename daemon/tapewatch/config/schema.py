"""The config's JSON Schema made fit for editors: what they offer, what they show beside it, and what they underline.

pydantic's own says `null` where TOML has no such thing (taplo fails on it as a default), and of a feed or receiver with
a mistake only that none of six forms fits it.
Source: https://taplo.tamasfe.dev/configuration/developing-schemas.html
"""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

OFFERED: dict[str, dict[str, list[Any]]] = {
    "Watch": {
        "symbol": ["SPX", "SPY", "BTC/USD", "XLC/SPY"],
        "calendar": ["XNYS", "XNAS", "CMES", "XLON", "XETR", "XTKS", "24/7"],
        "timeframes": ["1m", "5m", "15m", "30m", "1h", "4h", "1d"],
        "indicators": [
            "rsi(14)", "macd(12,26,9)", "sma(20)", "sma(50)", "sma(200)", "ema(20)", "atr(14)", "bb(20,2)",
            "roc(10)", "vwap",
        ],
        "rearm": ["0.1%", "0.1 atr"],
        "max_jump": ["1%", "off"],
        "max_silence": ["30s", "5m", "off"],
        "settle_after": ["20m"],
    },
    "Level": {"confirm": ["5m", "1h", "1d"], "rearm": ["0.1%", "0.1 atr"]},
    "Zone": {"confirm": ["5m", "1h", "1d"], "rearm": ["0.1%", "0.1 atr"]},
    "Condition": {
        "when": [
            "rsi(14)@1d crosses above 70",
            "rsi(14)@1d crosses below 30",
            "price crosses sma(50)@1d",
            "price crosses sma(200)@1d",
            "price crosses above previous.high",
            "price crosses below previous.low",
            "price up 1.5% in 30m",
            "macd@1d crosses above macd.signal@1d",
            "rsi(14)@1h diverges",
            "sma(50)@1d crosses above sma(200)@1d",
        ],
        "on": ["tick", "close", "5m", "1h"],
        "for": ["90s", "5m"],
        "hours": ["09:45-15:45"],
    },
    "Match": {"type": ["tapewatch.level.*", "tapewatch.zone.*", "tapewatch.divergence.*", "tapewatch.feed.*"]},
    "Http": {"listen": ["127.0.0.1:8790", "[::1]:8790", "0.0.0.0:8790", "off"]},
}  # fmt: skip
"""Values worth offering for keys that take others, too; of an array, of its elements."""

_PEOPLE = {"quiet": ["22:00-07:00"], "zone": ["UTC", "America/New_York", "Europe/London", "Europe/Berlin"]}
_NO_USE = ("title", "discriminator")
_FORMATS = ("path", "password")
"""Of no meaning to an editor, or unknown to it."""


def for_editors(schema: Schema) -> Schema:
    """`schema`, as pydantic makes it of the config, without what TOML cannot say and with what editors can use."""
    parts = {name: _plain(part) for name, part in schema["$defs"].items()}
    whole = _plain({key: value for key, value in schema.items() if key != "$defs"})
    for key, telling in (("feed", "vendor"), ("receiver", "kind")):
        items = whole["properties"][key]["items"]
        kinds = [one["$ref"].removeprefix("#/$defs/") for one in items["oneOf"]]
        for kind in kinds:
            _offer(parts[kind], _PEOPLE)
        name = key.capitalize()
        parts[name] = _one_of_kinds(parts, kinds, telling)
        whole["properties"][key]["items"] = {"$ref": f"#/$defs/{name}"}
    for name, keys in OFFERED.items():
        _offer(parts[name], keys)
    return {**whole, "$defs": dict(sorted(parts.items()))}


def _plain(part: Any) -> Any:
    """Without nulls, and without titles that only repeat the key."""
    if isinstance(part, list):
        return [_plain(own) for own in part]
    if not isinstance(part, dict):
        return part
    if "properties" in part:
        own = {name: _plain(value) for name, value in part["properties"].items()}
        part = {**part, "properties": own}
        rest = {key: value for key, value in part.items() if key not in (*_NO_USE, "properties")}
        return {**rest, "properties": own}
    found = {key: _plain(value) for key, value in part.items() if not _is_useless(key, value)}
    if "anyOf" in found:
        found["anyOf"] = [own for own in found["anyOf"] if own != {"type": "null"}]
        if len(found["anyOf"]) == 1:
            found |= found.pop("anyOf")[0]
    return found


def _is_useless(key: str, value: Any) -> bool:
    empty = key == "default" and (value is None or isinstance(value, dict))
    return empty or key in _NO_USE or (key == "format" and value in _FORMATS)


def _one_of_kinds(parts: Mapping[str, Schema], kinds: list[str], telling: str) -> Schema:
    """A table whose `telling` key says which of the kinds it is.

    Every key of any kind is offered; which of them are right, the kind's own schema says, and no other's.
    """
    words = {kind: parts[kind]["properties"][telling]["const"] for kind in kinds}
    properties: Schema = {}
    for kind in kinds:
        for key, own in parts[kind]["properties"].items():
            known = properties.setdefault(key, own)
            if known != own:
                properties[key] = {name: known[name] for name in ("type", "description") if name in known}
    descriptions = [f"{words[kind]}: {parts[kind].get('description', '')}" for kind in kinds]
    properties[telling] = {"enum": list(words.values()), "description": "  \n".join(descriptions)}
    rule: Schema = {}
    for kind in reversed(kinds):  # no allOf: taplo offers nothing of a table that has one
        when = {
            "properties": {telling: {"const": words[kind]}},
            "required": [telling],
            "additionalProperties": True,  # tombi takes it for strict if nothing is said
        }
        rule = {"if": when, "then": {"$ref": f"#/$defs/{kind}"}, **({"else": rule} if rule else {})}
    required = [key for key in ("name", telling) if key in properties]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": True,  # the kind's own schema is strict
        **rule,
    }


def _offer(part: Schema, keys: Mapping[str, list[Any]]) -> None:
    """Adds values to offer: as examples, and as one of two forms, which is how taplo offers what it need not be."""
    for key, values in keys.items():
        if (own := part["properties"].get(key)) is None:
            continue
        if own.get("type") == "array":
            own["items"] = _with(own["items"], values)
        else:
            part["properties"][key] = _with(own, values)


def _with(own: Schema, values: list[Any]) -> Schema:
    beside: Schema = {name: own[name] for name in ("description", "default") if name in own}
    form = {name: value for name, value in own.items() if name not in beside}
    forms = form.get("anyOf", [form])
    return {**beside, "anyOf": [{"enum": values}, *forms], "examples": values}

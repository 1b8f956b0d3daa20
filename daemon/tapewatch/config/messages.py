"""Messages that a config writes with places in them: `{key}`, `{secret}`, `{symbol}` and `{symbols}`."""

import json
import re
from collections.abc import Mapping, Sequence

_PLACE = re.compile(r"\{([A-Za-z_]+)\}")


def places(template: str) -> list[str]:
    """The names between braces, whether they mean anything or not."""
    return _PLACE.findall(template)


def is_json(template: str) -> bool:
    """Whether it is meant to be JSON, and not text of another kind."""
    return template.startswith(("{", "[")) and not _PLACE.match(template)


def fill(template: str, values: Mapping[str, str | Sequence[str]]) -> str:
    """`template` with `values` in its places, all at once: what is put in is not looked through again.

    A text is escaped as in a JSON string, if the template is JSON: no quote in a key ends the string that it stands
    in. Several texts become a JSON array. A place that has no value stays.
    """

    def put(place: re.Match[str]) -> str:
        value = values.get(place[1])
        if value is None:
            return place[0]
        if not isinstance(value, str):
            return json.dumps(list(value))
        return json.dumps(value)[1:-1] if is_json(template) else value

    return _PLACE.sub(put, template)

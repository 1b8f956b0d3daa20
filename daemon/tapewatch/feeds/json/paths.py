"""Where a value stands in JSON: `data.price`; in an array a step is its number from 0, as in `data.0.price`."""

from typing import Any

Path = tuple[str, ...]
"""The steps from the outside in; none is the whole."""


def path(text: str) -> Path:
    """The steps of `text`, which are parted by dots."""
    return tuple(text.split(".")) if text else ()


def find(value: Any, way: Path) -> Any:
    """What stands at `way` in `value`.

    Raises:
        LookupError: nothing does.
    """
    for step in way:
        if isinstance(value, dict):
            value = value[step]
        elif isinstance(value, list) and step.isdecimal():
            value = value[int(step)]
        else:
            raise LookupError(step)
    return value


def elements(value: Any) -> list[Any]:
    """The objects, or the arrays, of an array of such; else `value` alone: an object, or an array of plain values."""
    if isinstance(value, list) and (not value or isinstance(value[0], dict | list)):
        return value
    return [value]


def put(value: Any, way: Path, what: Any) -> Any:
    """`value` with `what` at `way`; objects and arrays that are not there yet are made."""
    if not way:
        return what
    step, *rest = way
    if step.isdecimal() and not isinstance(value, dict):
        array = value if isinstance(value, list) else []
        place = int(step)
        array += [None] * (place + 1 - len(array))
        array[place] = put(array[place], tuple(rest), what)
        return array
    table = value if isinstance(value, dict) else {}
    table[step] = put(table.get(step), tuple(rest), what)
    return table

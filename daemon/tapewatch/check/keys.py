"""Which tables and keys a config may have, read off the models."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from tapewatch.check.lines import Spot
from tapewatch.check.tables import Finding, value_at
from tapewatch.config import Config, Table


def tables_of(annotation: Any) -> list[type[Table]]:
    """The tables that a field of this type may hold."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return [annotation]
    return [table for part in get_args(annotation) for table in tables_of(part)]


def is_array(field: FieldInfo) -> bool:
    """Whether there may be several: `[[watch]]`, not `[redis]`."""
    return get_origin(field.annotation) is list


TELLING = {"receiver": "kind", "feed": "vendor"}
"""The key that tells which of several tables it is."""


def kinds(section: str) -> dict[str, type[Table]]:
    """The tables that a `[[receiver]]` or `[[feed]]` may be, by what their telling key says."""
    tables = tables_of(Config.model_fields[section].annotation)
    return {get_args(table.model_fields[TELLING[section]].annotation)[0]: table for table in tables}


def all_tables(table: type[Table] = Config, header: str = "") -> Iterator[tuple[str, type[Table]]]:
    """Where keys may stand, such as `under [[watch.level]]`, and which, in the order of the models."""
    yield (f"under {header}" if header else "at the top of the file"), table
    names = header.strip("[]")
    for name, field in table.toml_keys().items():
        path = f"{names}.{name}".lstrip(".")
        for inner in tables_of(field.annotation):
            yield from all_tables(inner, f"[[{path}]]" if is_array(field) else f"[{path}]")


def table_at(data: dict[str, Any], spot: Spot) -> type[Table] | None:
    """The table that `spot` means in the config `data`; None if none belongs there."""
    table: type[Table] = Config
    for i, part in enumerate(spot):
        if isinstance(part, int):
            continue
        field = table.toml_keys().get(part)
        tables = tables_of(field.annotation) if field else []
        if not tables:
            return None
        table = tables[0]
        if len(tables) > 1:
            kind = value_at(data, (*spot[: i + 2], TELLING[part]))
            table = kinds(part).get(str(kind), table)
    return table


def mend_brackets(data: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """The config with `[watch]` read as `[[watch]]`, and each place where that was needed.

    Else such a slip, the commonest in TOML, would hide every mistake in the table.
    """
    findings: list[Finding] = []
    return _mend(Config, data, (), findings), findings


def _mend(table: type[Table], data: dict[str, Any], spot: Spot, findings: list[Finding]) -> dict[str, Any]:
    mended = dict(data)
    for name, field in table.toml_keys().items():
        tables, value = tables_of(field.annotation), data.get(name)
        if not tables:
            continue
        here = (*spot, name)
        if is_array(field) and isinstance(value, dict):
            header = ".".join(part for part in here if isinstance(part, str))
            findings.append(Finding(here, f"there may be several: write [[{header}]], with two brackets"))
            value = [value]
        if isinstance(value, list):
            value = [
                _mend(tables[0], each, (*here, i), findings) if isinstance(each, dict) else each
                for i, each in enumerate(value)
            ]
        elif isinstance(value, dict):
            value = _mend(tables[0], value, here, findings)
        if name in data:
            mended[name] = value
    return mended


def unmended(data: dict[str, Any], spot: Spot) -> Spot:
    """Where `spot` of the mended config stands in `data`, as it was written."""
    written: Spot = ()
    for part in spot:
        if not (isinstance(part, int) and isinstance(value_at(data, written), dict)):
            written = (*written, part)
    return written

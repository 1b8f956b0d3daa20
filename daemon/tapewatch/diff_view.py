"""`tapewatch diff OLD NEW`: what a reload would do, for people and for programs."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from tapewatch.changes import Change, Changes
from tapewatch.check import check
from tapewatch.config import Config
from tapewatch.notify import template_trial
from tapewatch.notify.render import one_line
from tapewatch.problems import ConfigError, Problem

_STYLES = {"added": "green", "removed": "red", "changed": "yellow"}
_MARKS = {"added": "+", "removed": "-", "changed": "~"}


def read(old: Path, new: Path) -> tuple[Config, Config]:
    """Both configs.

    Raises:
        ConfigError: one cannot be used; it names all mistakes of both.
    """
    found: list[Config] = []
    wrong: list[Problem] = []
    for path in (old, new):
        config, problems = check(path)
        if config is not None and (of_templates := template_trial.problems(config)):
            config, problems = None, of_templates
        if config is None:
            wrong += problems
        else:
            found.append(config)
    if wrong:
        raise ConfigError(wrong)
    return found[0], found[1]


def as_json(changes: Changes) -> dict[str, Any]:
    """An object: `needs_restart`, `watches`, `receivers`, `routes`; and `reload`, what a reload would do."""
    what = "refused" if changes.needs_restart else "applied" if changes.any else "unchanged"
    return {"reload": what, **asdict(changes)}


def show(changes: Changes, console: Console) -> None:
    """The same for people."""
    if not changes.any:
        console.print("nothing would change")
        return
    if changes.needs_restart:
        console.print("a reload would be refused, whole: this needs a restart", style="red")
        for key in changes.needs_restart:
            console.print(Text(f"  {one_line(key)}", "red"), soft_wrap=True)
    _show("watch", changes.watches, console)
    _show("receiver", changes.receivers, console)
    _show("route", changes.routes, console)


def _show(kind: str, changes: Sequence[Change], console: Console) -> None:
    for own in changes:
        effect = f": {own.effect}" if own.effect else ""
        line = Text.assemble(
            (f"{_MARKS[own.what]} {kind} {one_line(own.name)}", _STYLES[own.what]), f" {own.what}{effect}"
        )
        console.print(line, soft_wrap=True)
        for detail in own.details:
            console.print(Text(f"    {one_line(str(detail))}"), soft_wrap=True)

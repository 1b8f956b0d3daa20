"""`tapewatch diff`."""

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from tapewatch import completions, runner
from tapewatch.arguments import JsonOption


def diff(
    old: Annotated[Path, typer.Argument(help="The config that runs.", autocompletion=completions.configs)],
    new: Annotated[
        Path, typer.Argument(help="The config that is to take its place.", autocompletion=completions.configs)
    ],
    json: JsonOption = False,
) -> None:
    """Say what a reload would do: what begins anew, what keeps its state, what needs a restart."""
    with runner.starting():
        from tapewatch import diff_view
        from tapewatch.addresses import FeedError
        from tapewatch.changes import changes
        from tapewatch.terminal import Terminal
    with runner.wrong(FeedError):
        found = changes(*diff_view.read(old, new))
    if json:
        runner.write_utf8()
        print(json_module.dumps(diff_view.as_json(found), ensure_ascii=False))
    else:
        diff_view.show(found, Terminal())

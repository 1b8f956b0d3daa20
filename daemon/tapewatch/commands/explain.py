"""`tapewatch explain`."""

import json as json_module
from typing import Annotated

import typer

from tapewatch import arguments, runner
from tapewatch.arguments import DEFAULT_CONFIG, ConfigOption, JsonOption


def explain(
    alert: Annotated[str, typer.Argument(metavar="ALERT_ID", help="Its id, or the first 6 digits or more.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show why an alert fired: the ticks around it, bars, indicators, and what its rule compared."""
    own = arguments.load(config)
    with runner.starting():
        from tapewatch import explain, explain_view
        from tapewatch.terminal import Terminal
    with runner.wrong(explain.AlertIdError):
        found = runner.run(explain.read(own, alert))
    if json:
        runner.write_utf8()
        print(json_module.dumps(explain.as_json(found), ensure_ascii=False))
    else:
        explain_view.show(found, Terminal())

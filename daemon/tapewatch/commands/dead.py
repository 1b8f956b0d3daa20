"""`tapewatch dead`: list, resend, drop."""

import json as json_module
from typing import Annotated

import typer

from tapewatch import arguments, completions, runner
from tapewatch.arguments import DEFAULT_CONFIG, ConfigOption, JsonOption
from tapewatch.commands.groups import ListByDefault
from tapewatch.runner import WrongCommandError

app = typer.Typer(cls=ListByDefault, help="Alerts that a receiver did not get: list, send again, drop.")

Receiver = Annotated[str, typer.Argument(help="The receiver's name.", autocompletion=completions.receivers)]
Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID…", help="Ids of alerts, or their first six digits or more.", show_default=False
    ),
]
All = Annotated[bool, typer.Option("--all", help="All of the receiver's.")]


@app.command("list")
def list_(
    receiver: Annotated[
        str | None, typer.Argument(help="Left out: all receivers.", autocompletion=completions.receivers)
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show the alerts that receivers did not get, and why."""
    own = arguments.load(config)
    from tapewatch import dead_view
    from tapewatch.terminal import Terminal

    if json:
        runner.write_utf8()
    with runner.wrong(dead_view.NoReceiverError):
        count = runner.run(dead_view.show(own, receiver, None if json else Terminal()))
    if not count:
        runner.say("no dead letters")


@app.command()
def resend(
    receiver: Receiver,
    ids: Ids = None,
    all_: All = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Send alerts to their receiver again: the daemon does, or its next start."""
    wanted = _wanted(ids, all_)
    own = arguments.load(config)
    from tapewatch import dead_view
    from tapewatch.notify.dead import NoLetterError

    with runner.wrong(dead_view.NoReceiverError, NoLetterError):
        resent, unreadable = runner.run(dead_view.resend(own, receiver, wanted))
    if json:
        print(json_module.dumps({"receiver": receiver, "resent": resent, "unreadable": unreadable}))
        return
    them = "it" if resent == 1 else "them"
    letters = dead_view.counted(resent)
    print(f"{letters} of {receiver} on the way: the daemon sends {them} now, or once it runs again")
    if unreadable:
        they = "holds no alert: it" if unreadable == 1 else "hold no alert: they"
        runner.say(f"{dead_view.counted(unreadable)} {they} can only be dropped")


@app.command()
def drop(
    receiver: Receiver,
    ids: Ids = None,
    all_: All = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Delete dead letters; the alerts stay in the log."""
    wanted = _wanted(ids, all_)
    own = arguments.load(config)
    from tapewatch import dead_view
    from tapewatch.notify.dead import NoLetterError

    with runner.wrong(dead_view.NoReceiverError, NoLetterError):
        dropped = runner.run(dead_view.drop(own, receiver, wanted))
    if json:
        print(json_module.dumps({"receiver": receiver, "dropped": dropped}))
    else:
        print(f"{dead_view.counted(dropped)} of {receiver} dropped")


def _wanted(ids: list[str] | None, all_: bool) -> list[str] | None:
    """The ids that were given; None: all."""
    if all_ == bool(ids):
        raise WrongCommandError("name the alerts by their ids, or --all")
    return ids or None

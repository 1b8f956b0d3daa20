"""`tapewatch silence`: add, list, lift."""

import getpass
import json as json_module
import os
import time
from typing import Annotated

import typer

from tapewatch import arguments, completions, runner
from tapewatch.arguments import DEFAULT_CONFIG, ConfigOption, JsonOption
from tapewatch.commands.groups import ListByDefault
from tapewatch.runner import WrongCommandError

app = typer.Typer(cls=ListByDefault, help="Keep alerts from all receivers for a while.")


@app.command()
def add(
    symbol: Annotated[
        str | None,
        typer.Option(help="Alerts of this symbol; it may hold * and ?.", autocompletion=completions.symbols),
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Of this level, zone or condition.", autocompletion=completions.rules)
    ] = None,
    type_: Annotated[
        str | None,
        typer.Option("--type", help="Of this type, such as level.*", autocompletion=completions.types),
    ] = None,
    severity: Annotated[
        str | None, typer.Option(help="info, warning or critical.", autocompletion=completions.severities)
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every alert.")] = False,
    for_: Annotated[str | None, typer.Option("--for", help="For so long, such as 30m or 2h.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to then, an ISO 8601 time.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="From then on, an ISO 8601 time; left out: now.")
    ] = None,
    why: Annotated[str, typer.Option(help="For those who find it in the list.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Silence alerts; all that is named must fit."""
    if all_ == any((symbol, rule, type_, severity)):
        raise WrongCommandError("say what to silence: --symbol, --rule, --type, --severity, or --all")
    now = time.time_ns()
    since_ns = arguments.moment_ns(from_) if from_ else now
    until_ns = _end(since_ns, for_, until, now)
    own = arguments.load(config)
    from tapewatch import silence_view, silencing
    from tapewatch.notify.silences import Silence, new_id
    from tapewatch.terminal import Terminal

    silence = Silence(
        id=new_id(),
        symbol=symbol,
        rule=rule,
        type=type_,
        severity=severity,
        since_ns=since_ns,
        until_ns=until_ns,
        by=_login(),
        why=why.encode(errors="replace").decode(),  # a shell may hand over what is no UTF-8
    )
    with runner.wrong(silencing.MatchesNothingError):
        silencing.check(own, silence)
    runner.run(silence_view.add(own, silence))
    if json:
        print(json_module.dumps(silencing.as_json(silence, now)))
    else:
        silence_view.show(own, [silence], now, Terminal())


@app.command("list")
def list_(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show the silences that hold, those to come, and those that ended within a day."""
    own = arguments.load(config)
    from tapewatch import silence_view, silencing
    from tapewatch.ops import logs
    from tapewatch.terminal import Terminal

    logs.configure(level="warning")
    silences, now = runner.run(silence_view.read(own)), time.time_ns()
    if json:
        for each in silences:
            print(json_module.dumps(silencing.as_json(each, now)))
    elif silences:
        silence_view.show(own, silences, now, Terminal())
    else:
        runner.say("nothing is silenced")


@app.command()
def lift(
    id: Annotated[str, typer.Argument(metavar="ID", help="As `silence list` shows it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Take a silence back."""
    own = arguments.load(config)
    from tapewatch import silence_view

    if not runner.run(silence_view.lift(own, id)):
        raise WrongCommandError(f"there is no silence {id!r}: tapewatch silence list shows those there are")
    print(json_module.dumps({"lifted": id}) if json else f"lifted {id}")


def _end(since_ns: int, for_: str | None, until: str | None, now: int) -> int:
    """When it is over (ns)."""
    if (for_ is None) == (until is None):
        raise WrongCommandError("say until when: --for 2h, or --until 2026-01-28T16:00-05:00")
    end = since_ns + arguments.span_ns(for_) if for_ else arguments.moment_ns(until or "")
    if end <= max(now, since_ns):
        raise WrongCommandError(
            "it would be over before it begins: its end has to be later than now and --from"
        )
    return end


def _login() -> str:
    """Who makes the silence; a container may have users without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())

"""The command line: each command a few lines. Exit codes: 0 done, 1 it failed, 2 the command or config is wrong.

Whatever takes long to import is imported by the commands that need it: `--help` and `check` answer at once.
"""

import asyncio
import json as json_module
import time
from pathlib import Path
from typing import Annotated

import typer

from tapewatch import __version__, arguments, completions, runner
from tapewatch.arguments import (
    DEFAULT_CONFIG,
    BarOption,
    ConfigOption,
    JsonOption,
    LogFormatOption,
    TapeArgument,
    TapeSymbolOption,
    WarmUpOption,
    load,
    require,
)
from tapewatch.commands import backtest, dead, diff, explain, init, log, silence, status, tail, top
from tapewatch.runner import DONE, FAILED, WRONG, WrongCommandError, say, starting, wrong

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Watches the tape: ticks over a websocket become alerts in Redis, Slack and email.",
)

SpeedOption = Annotated[
    str,
    typer.Option(
        help="max, or how many seconds of tape a second: 1x, 60x.", autocompletion=completions.speeds
    ),
]


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(f"tapewatch {__version__}")
        raise typer.Exit


@app.command()
def run(
    config: ConfigOption = DEFAULT_CONFIG,
    log_format: LogFormatOption = None,
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C; SIGHUP reads the config again."""
    runner.stoppable()
    hang_ups = runner.HangUps()
    own = load(config)
    with starting():
        runner.announce_compiling()
        from tapewatch import service
        from tapewatch.addresses import FeedError
        from tapewatch.notify.build import ReceiverError
        from tapewatch.ops import logs
        from tapewatch.ops.systemd import Notifier
        from tapewatch.reload import Reload
    logs.configure(log_format)
    changes = Reload(lambda: load(config))
    hang_ups.heed(changes.asked.set)
    with wrong(service.ServiceError, FeedError, ReceiverError):
        runner.run_until_stopped(
            lambda stop: service.run(own, stop, changes=changes, notifier=Notifier.from_environ()),
            changes.asked.set,
        )


@app.command()
def demo(
    seconds: Annotated[float, typer.Option(min=1, help="About how long the scenario takes.")] = 60,
) -> None:
    """Play a simulated breakout: Redis, simulator, daemon and receivers' texts, all on this machine."""
    runner.stoppable()
    with starting():
        runner.announce_compiling()
        from tapewatch.demo.play import run_demo
    runner.run_until_stopped(lambda stop: run_demo(stop, seconds))


@app.command()
def check(
    file: Annotated[
        Path, typer.Argument(help="The config, one TOML file.", autocompletion=completions.configs)
    ] = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Name every mistake of a config, with its line and what would be right."""
    require(file)
    with starting():
        from tapewatch.check import check as check_file
        from tapewatch.notify import template_trial

        config, problems = check_file(file)
        if config is not None and (of_templates := template_trial.problems(config)):
            config, problems = None, [*problems, *of_templates]
    if json:
        fields = ("line", "key", "message", "severity")
        print(json_module.dumps([{name: getattr(each, name) for name in fields} for each in problems]))
    else:
        for problem in problems:
            say(str(problem))
        if config is not None:
            rules = sum(len(own.level) + len(own.zone) + len(own.condition) for own in config.watch)
            print(
                f"{file}: good: {_count(len(config.watch), 'watch', 'watches')}, {_count(rules, 'rule')}, "
                f"{_count(len(config.receiver), 'receiver')}"
            )
    raise typer.Exit(DONE if config is not None else WRONG)


@app.command()
def replay(
    files: TapeArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    symbol: TapeSymbolOption = None,
    history: WarmUpOption = None,
    alerts: Annotated[
        str | None, typer.Option(metavar="PATH|-", help="Where alerts go, a JSON object a line; - is stdout.")
    ] = None,
    bars: Annotated[
        str | None, typer.Option(metavar="PATH|-", help="Where closed bars go, as CSV; - is stdout.")
    ] = None,
    bar: BarOption = None,
    speed: SpeedOption = "max",
    store: Annotated[bool, typer.Option("--store", help="Commit state and alerts to Redis, too.")] = False,
) -> None:
    """Drive the engine from files instead of a feed."""
    pace = arguments.speed(speed)
    own = load(config)
    arguments.check_paths([config, *files, *(history or [])], alerts, bars)
    with starting():
        runner.announce_compiling()
        from tapewatch.alerts.alert import encode
        from tapewatch.recorded import RecordedError, recordings
        from tapewatch.replay import BarWriter, Replay, ReplayError
        from tapewatch.tail import alert_line
    with wrong(ReplayError, RecordedError):
        recorded = recordings(own, files)
        run_ = Replay(own, keep_bars=bars is not None, keep_alerts=store, recorded=recorded)
        stretches = recorded or run_.read(files, symbol, bar)
    for note in run_.notes(stretches):
        say(f"note: {note}")
    if left_out := run_.warm(stretches, history or [], symbol):
        say(f"{left_out} bars of history end after the tape's first tick and were left out")
    count, began = 0, time.monotonic()
    with arguments.writing(alerts) as alerts_out, arguments.writing(bars) as bars_out:
        bar_writer = BarWriter(run_.engine, bars_out) if bars_out else None
        for fired in run_.run(stretches, pace):
            count += len(fired)
            for alert in fired:
                if alerts_out:
                    alerts_out.write(encode(alert).decode() + "\n")
                elif bars != "-":
                    print(alert_line(alert))
            if bar_writer:
                bar_writer.write()
            if pace:
                arguments.flush(alerts_out, bars_out)
    took = time.monotonic() - began
    for own_file in recorded:
        for remark in own_file.remarks():
            say(f"note: {remark}")
    if store:
        runner.run(run_.commit())
    say(run_.summary(stretches, count, took))


@app.command()
def simulate(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8765,
    vendor: Annotated[
        str | None,
        typer.Option(help="Whose protocol it speaks; left out: massive.", autocompletion=completions.vendors),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="A config whose feed it is, in place of --vendor.",
            autocompletion=completions.configs,
        ),
    ] = None,
    feed: Annotated[
        str | None,
        typer.Option(help="Which feed of it, if there are several.", autocompletion=completions.feeds),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(help="A simulated tape, such as sp500-7000.", autocompletion=completions.scenarios),
    ] = None,
    tape: Annotated[Path | None, typer.Option(help="A file of ticks.")] = None,
    symbol: Annotated[
        str | None,
        typer.Option(
            help="The vendor's name for the tape's symbol, such as I:SPX or SPY.",
            autocompletion=completions.vendors_symbols,
        ),
    ] = None,
    speed: SpeedOption = "1x",
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin anew for each client.")] = False,
    longest_gap: Annotated[
        float | None,
        typer.Option(
            min=0, help="Seconds of tape to which longer silences, such as nights, are cut; a scenario's: 60."
        ),
    ] = None,
    mute_after: Annotated[
        float | None, typer.Option(min=0, help="Fall silent after so many seconds.")
    ] = None,
    drop_every: Annotated[
        float | None, typer.Option(min=0, help="Drop the connection every so many seconds.")
    ] = None,
    garbage: Annotated[float, typer.Option(min=0, max=1, help="Share of frames that are garbage.")] = 0,
    reorder: Annotated[float, typer.Option(min=0, max=1, help="Share of ticks out of order.")] = 0,
    duplicate: Annotated[float, typer.Option(min=0, max=1, help="Share of ticks sent twice.")] = 0,
    refuse_login: Annotated[bool, typer.Option("--refuse-login", help="Take no key.")] = False,
    log_format: LogFormatOption = None,
) -> None:
    """Speak a vendor's websocket protocol to anybody's client, playing a tape or a scenario."""
    runner.stoppable()
    pace = arguments.speed(speed)
    if (scenario is None) == (tape is None):
        raise WrongCommandError("say what to play: --scenario sp500-7000, or --tape FILE")
    arguments.check_paths([tape] if tape else [])
    if config is not None and vendor is not None:
        raise WrongCommandError("name a --vendor, or a --config with its feed, not both")
    if config is None and feed is not None:
        raise WrongCommandError(f"say which config has the feed {feed!r}: --config FILE")
    of_config = load(config) if config else None
    with starting():
        from tapewatch.feeds import choice, played
        from tapewatch.feeds.simulator import Simulator, Trouble
        from tapewatch.ops import logs
    logs.configure(log_format)
    with wrong(played.PlayedError, choice.FeedChoiceError):
        part = (
            played.part_of_feed(of_config, choice.choose(of_config, feed))
            if of_config
            else played.part_of_vendor(vendor or "massive")
        )
        own = part.scenario(scenario, symbol) if scenario else part.file(tape or Path(), symbol)
    simulator = Simulator(
        part.server,
        own.ticks,
        own.symbols,
        speed=pace,
        from_start=from_start,
        longest_gap=longest_gap if longest_gap is not None else 60 if scenario else float("inf"),
        trouble=Trouble(
            mute_after=mute_after,
            drop_every=drop_every,
            garbage=garbage,
            reorder=reorder,
            duplicate=duplicate,
            refuse_login=refuse_login,
        ),
    )

    async def serve(stop: asyncio.Event) -> None:
        async with simulator.serve(port=port):
            print(f"simulated {part.vendor} feed on ws://127.0.0.1:{simulator.port}", flush=True)
            await stop.wait()

    runner.run_until_stopped(serve)


@app.command()
def record(
    config: ConfigOption = DEFAULT_CONFIG,
    feed: Annotated[
        str | None,
        typer.Option(help="Which feed, if the config has several.", autocompletion=completions.feeds),
    ] = None,
    folder: Annotated[Path, typer.Option("--dir", help="Where the files go.")] = Path("recordings"),
    log_format: LogFormatOption = None,
) -> None:
    """Keep a feed connected and write its raw frames to files, for replay, until Ctrl-C."""
    runner.stoppable()
    own = load(config)
    with starting():
        from tapewatch.addresses import FeedError
        from tapewatch.feeds.choice import FeedChoiceError, choose
        from tapewatch.ops import logs
        from tapewatch.record import Recorder
    logs.configure(log_format)
    with wrong(FeedChoiceError, FeedError):
        recorder = Recorder(own, choose(own, feed), folder)
    runner.run_until_stopped(recorder.run)


@app.command()
def history(
    symbol: Annotated[str, typer.Argument(help="The watch's symbol.", autocompletion=completions.symbols)],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show which past bars a watch begins with, from files and its feed's vendor, and what is missing."""
    from tapewatch import past_view
    from tapewatch.addresses import FeedError
    from tapewatch.ops import logs
    from tapewatch.terminal import Terminal

    own = load(config)
    logs.configure(level="error")  # what is missing, and why, the table says
    with wrong(past_view.NoWatchError, FeedError):
        known = runner.run(past_view.read(own, symbol))
    if json:
        print(json_module.dumps(past_view.as_json(known)))
    else:
        past_view.show(known, Terminal())
    raise typer.Exit(FAILED if any(each.missing for each in known) else DONE)


@app.command("notify-test")
def notify_test(
    receiver: Annotated[
        str, typer.Argument(help="The receiver's name in the config.", autocompletion=completions.receivers)
    ],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Send a sample alert, marked as a test, to one receiver."""
    from tapewatch.notify.build import ReceiverError
    from tapewatch.notify.test_alert import send_test

    own = load(config)
    with wrong(ReceiverError):
        runner.run(send_test(own, receiver))
    print(f"sent to {receiver}")


@app.command()
def schema(
    what: Annotated[
        str, typer.Argument(metavar="alert|config", autocompletion=completions.schemas)
    ] = "alert",
) -> None:
    """Print the JSON Schema of an alert, or of the config."""
    from tapewatch.alerts.schema import alert_schema
    from tapewatch.config import json_schema

    schemas = {"alert": alert_schema, "config": json_schema}
    if what not in schemas:
        raise WrongCommandError(f"there is no schema of {what!r}: write alert or config")
    runner.write_utf8()
    print(json_module.dumps(schemas[what](), indent=2, ensure_ascii=False))


app.command()(init.init)
app.command()(tail.tail)
app.command()(status.status)
app.command()(top.top)
app.command()(backtest.backtest)
app.command()(diff.diff)
app.command()(log.log)
app.command()(explain.explain)
app.add_typer(silence.app, name="silence")
app.add_typer(dead.app, name="dead")


def main() -> None:
    """Runs the command."""
    runner.main(app)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


if __name__ == "__main__":
    main()

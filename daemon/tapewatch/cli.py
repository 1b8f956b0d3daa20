"""The command line: each command a few lines. Exit codes: 0 done, 1 it failed, 2 the command or config is wrong."""

import asyncio
import contextlib
import json as json_module
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO

import typer
from rich.console import Console

from tapewatch import __version__
from tapewatch.problems import ConfigError

FAILED = 1
WRONG = 2

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Watches the tape: ticks over a websocket become alerts in Redis, Slack and email.",
)

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The config, one TOML file.", show_default=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
DEFAULT_CONFIG = Path("config/sp500.toml")


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
    log_json: Annotated[
        bool | None, typer.Option("--log-json/--log-colour", help="Left out: JSON unless on a terminal.")
    ] = None,
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C."""
    _announce_compiling()
    from tapewatch import service
    from tapewatch.check import load
    from tapewatch.ops import logs

    own = load(config)
    logs.configure(json=log_json)
    _run(lambda stop: service.run(own, stop))


@app.command()
def demo(
    seconds: Annotated[float, typer.Option(min=1, help="About how long the scenario takes.")] = 60,
) -> None:
    """Play a simulated breakout: Redis, simulator, daemon and receivers, all on this machine."""
    _announce_compiling()
    from tapewatch.demo import run_demo

    _run(lambda stop: run_demo(stop, seconds))


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The config, one TOML file.")] = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Name every mistake of a config, with its line and what would be right."""
    from tapewatch.check import check as check_file

    config, problems = check_file(file)
    if json:
        fields = ("line", "key", "message", "severity")
        print(json_module.dumps([{name: getattr(each, name) for name in fields} for each in problems]))
    else:
        for problem in problems:
            print(problem, file=sys.stderr)
        if config is not None:
            rules = sum(len(own.level) + len(own.zone) + len(own.condition) for own in config.watch)
            print(
                f"{file}: good: {len(config.watch)} watch(es), {rules} rules, {len(config.receiver)} receiver(s)"
            )
    raise typer.Exit(0 if config is not None else WRONG)


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Ticks or bars, .csv or .csv.gz.")],
    config: ConfigOption = DEFAULT_CONFIG,
    symbol: Annotated[str | None, typer.Option(help="Whose they are, if the file does not say.")] = None,
    history: Annotated[
        list[Path] | None, typer.Option(help="Bars for warm-up, which fire nothing; left out: the watch's.")
    ] = None,
    alerts: Annotated[
        str | None, typer.Option(help="Where alerts go, a JSON object a line; - is stdout.")
    ] = None,
    bars: Annotated[str | None, typer.Option(help="Where closed bars go, as CSV; - is stdout.")] = None,
    bar: Annotated[
        str | None, typer.Option(help="Timeframe of a file of bars; left out: its smallest step.")
    ] = None,
    speed: Annotated[str, typer.Option(help="max, or how many seconds of tape a second: 1x, 60x.")] = "max",
    store: Annotated[bool, typer.Option("--store", help="Commit state and alerts to Redis, too.")] = False,
) -> None:
    """Drive the engine from files instead of a feed."""
    _announce_compiling()
    from tapewatch.alerts.alert import encode
    from tapewatch.check import load
    from tapewatch.replay import BarWriter, Replay

    if alerts == bars == "-":
        _wrong("--alerts and --bars cannot both be standard output")
    own = load(config)
    pace = _speed(speed)
    run_ = Replay(own, keep_bars=bars is not None)
    stretches = run_.read(files, symbol, bar)
    left_out = run_.warm(stretches, history or [], symbol)
    if left_out:
        _say(f"{left_out} bars of history end after the tape's first tick and were left out")
    count, kept = 0, []
    with _output(alerts) as alerts_out, _output(bars) as bars_out:
        bar_writer = BarWriter(run_.engine, bars_out) if bars_out else None
        batches = run_.run(stretches, pace)
        for fired in batches:
            count += len(fired)
            kept += fired if store else []
            for alert in fired:
                if alerts_out:
                    alerts_out.write(encode(alert).decode() + "\n")
                elif bars != "-":
                    print(f"{alert.data.exchange_time}  {alert.data.text}")
            if bar_writer:
                bar_writer.write()
    if store:
        _call(run_.commit(kept))
    _say(_summary(run_, sum(len(each.ticks) for each in stretches), count))


@app.command()
def simulate(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8765,
    vendor: Annotated[str, typer.Option(help="Whose protocol it speaks.")] = "massive",
    scenario: Annotated[str | None, typer.Option(help="A simulated tape, such as sp500-7000.")] = None,
    tape: Annotated[Path | None, typer.Option(help="A file of ticks.")] = None,
    symbol: Annotated[
        str | None, typer.Option(help="The vendor's name for the tape's symbol, such as I:SPX or SPY.")
    ] = None,
    speed: Annotated[str, typer.Option(help="max, or how many seconds of tape a second: 1x, 60x.")] = "1x",
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin anew for each client.")] = False,
    mute_after: Annotated[float | None, typer.Option(help="Fall silent after so many seconds.")] = None,
    drop_every: Annotated[
        float | None, typer.Option(help="Drop the connection every so many seconds.")
    ] = None,
    garbage: Annotated[float, typer.Option(min=0, max=1, help="Share of frames that are garbage.")] = 0,
    reorder: Annotated[float, typer.Option(min=0, max=1, help="Share of frames out of order.")] = 0,
    duplicate: Annotated[float, typer.Option(min=0, max=1, help="Share of frames sent twice.")] = 0,
    refuse_login: Annotated[bool, typer.Option("--refuse-login", help="Take no key.")] = False,
) -> None:
    """Speak a vendor's websocket protocol to anybody's client, playing a tape or a scenario."""
    from tapewatch.feeds import played
    from tapewatch.feeds.simulator import Simulator, Trouble
    from tapewatch.feeds.vendors import VENDORS
    from tapewatch.ops import logs

    if (scenario is None) == (tape is None):
        _wrong("say what to play: --scenario sp500-7000, or --tape FILE")
    if vendor not in VENDORS:
        _wrong(f"there is no vendor {vendor!r}; there is {', '.join(VENDORS)}")
    logs.configure()
    own = played.scenario(scenario, symbol) if scenario else played.from_file(tape or Path(), symbol)
    simulator = Simulator(
        VENDORS[vendor].server,
        own.ticks,
        own.symbols,
        speed=_speed(speed),
        from_start=from_start,
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
            print(f"simulated {vendor} feed on ws://127.0.0.1:{simulator.port}", flush=True)
            await stop.wait()

    _run(serve)


@app.command()
def tail(
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Print alerts as they come, from the pub/sub channel."""
    from tapewatch.check import load
    from tapewatch.tail import follow

    own = load(config)
    _run(lambda stop: follow(own, stop, as_json=json))


@app.command()
def status(
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show every watch: last price, distance to each level, indicators."""
    from tapewatch.check import load
    from tapewatch.status import read, show

    statuses = _call(read(load(config)))
    if json:
        print(json_module.dumps(statuses))
    else:
        show(statuses, Console())


@app.command("notify-test")
def notify_test(
    receiver: Annotated[str, typer.Argument(help="The receiver's name in the config.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Send a sample alert, marked as a test, to one receiver."""
    from tapewatch.check import load
    from tapewatch.notify.test_alert import send_test

    _call(send_test(load(config), receiver))
    print(f"sent to {receiver}")


@app.command()
def schema(
    what: Annotated[str, typer.Argument(help="alert or config.")] = "alert",
) -> None:
    """Print the JSON Schema of an alert, or of the config."""
    from tapewatch.alerts.schema import alert_schema
    from tapewatch.config import json_schema

    if what not in ("alert", "config"):
        _wrong(f"there is no schema of {what!r}: write alert or config")
    print(
        json_module.dumps(alert_schema() if what == "alert" else json_schema(), indent=2, ensure_ascii=False)
    )


def main() -> None:
    """Runs the command; errors that people can act on are one line, without a traceback."""
    try:
        app()
    except ConfigError as error:
        _say(str(error))
        sys.exit(WRONG)
    except BrokenPipeError:
        sys.exit(FAILED)
    except Exception as error:
        if not _is_for_people(error):
            raise
        _say(f"error: {error}")
        sys.exit(FAILED)


def _announce_compiling() -> None:
    """Numba compiles when the kernels are imported, so it has to be said before."""
    from tapewatch.engine import compiled

    if compiled.FIRST_START:
        _say("compiling the kernels, once after an installation: some 15 seconds")


def _is_for_people(error: Exception) -> bool:
    """Errors of this program, and of the operating system, say what is wrong and what would be right."""
    return type(error).__module__.startswith("tapewatch.") or isinstance(error, OSError | TimeoutError)


def _run(main_: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Runs until it ends or SIGTERM or SIGINT asks it to."""

    async def with_signals() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await main_(stop)

    _call(with_signals())


def _call(work: Coroutine[Any, Any, Any]) -> Any:
    """The coroutine's result, on uvloop where it exists; of an error group, its first error."""
    try:
        import uvloop
    except ImportError:
        runner = asyncio.Runner()
    else:
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with runner:
        try:
            return runner.run(work)
        except BaseExceptionGroup as group:
            raise _first(group) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _speed(text: str) -> float | None:
    """`60x` as 60; `max` as None."""
    if text == "max":
        return None
    with contextlib.suppress(ValueError):
        if text.endswith("x") and (factor := float(text[:-1])) > 0 and factor != float("inf"):
            return factor
    _wrong(f"{text!r} is no speed: write max, or seconds of tape a second such as 1x or 60x")


@contextlib.contextmanager
def _output(where: str | None) -> Iterator[TextIO | None]:
    if where is None or where == "-":
        yield sys.stdout if where else None
    else:
        with Path(where).open("w", encoding="utf-8", newline="") as file:
            yield file


def _summary(run_: Any, ticks: int, alerts: int) -> str:
    from tapewatch.engine.events import REFUSALS

    counts = dict(zip(REFUSALS, run_.engine.refused.sum(axis=0).tolist(), strict=True))
    refused = ", ".join(f"{count:,} {reason}" for reason, count in counts.items() if count)
    return f"{ticks:,} ticks, {alerts:,} alerts; refused: {refused or 'none'}"


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _wrong(text: str) -> NoReturn:
    _say(f"error: {text}")
    raise typer.Exit(WRONG)


if __name__ == "__main__":
    main()

"""What the shell offers on Tab, asked of real shells; and that it never gets in the way."""

import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.main import get_command

from tapewatch import cli, completions
from tapewatch.alerts.alert import TYPE_PREFIX
from tapewatch.alerts.schema import ALERT_TYPES
from tapewatch.arguments import DEFAULT_CONFIG
from tapewatch.config import Config
from tapewatch.feeds.played import SCENARIOS
from tapewatch.feeds.vendors import VENDORS
from tapewatch.market.timeframes import duration_ns

CONFIG = """
name = "desk"

[[feed]]
name = "tape"
vendor = "kraken"

[[watch]]
symbol = "BTC/USD"
feed_symbol = "BTC/USD"
feed = "tape"
calendar = "24/7"
timeframes = ["3m", "1d"]

[[watch.level]]
price = 100_000

[[watch.level]]
name = "previous high"
price = 99_500.5

[[watch.zone]]
low = 90_000
high = 91_000.5

[[watch.condition]]
name = "previous low's end"
when = "price crosses below previous.low"

[[watch]]
symbol = "ETH/USD"
feed_symbol = "ETH/USD"
feed = "tape"

[[watch.condition]]
name = "ether"
when = "price crosses 1000"

[[receiver]]
name = "terminal"
kind = "console"

[[receiver]]
name = "desk"
kind = "slack"
url_file = "desk.url"

[[route]]
receivers = ["terminal", "desk"]
"""
BIN = Path(sys.executable).parent
LINES = {
    "tapewatch notify-test --config my.toml d": ["desk"],
    "tapewatch history --config my.toml ": ["BTC/USD", "ETH/USD"],
    "tapewatch log --config my.toml --rule ": [
        "100000", "previous high", "90000-91000.5", "previous low's end", "ether",
    ],
    "tapewatch silence add --config my.toml --symbol BTC/USD --rule prev": ["previous high", "previous low's end"],
    "tapewatch silence add --config my.toml --rule previous\\ h": ["previous high"],
    "tapewatch replay x.csv --config my.toml --bar ": ["3m", "1d"],
    "tapewatch record --config my.toml --feed ": ["tape"],
    "tapewatch simulate --vendor c": ["coinbase"],
    "tapewatch check ": ["configs/other.toml", "my.toml"],
    "tapewatch run --config configs/": ["configs/other.toml"],
    "tapewatch init --receiver sl": ["slack", "slack-bot"],
    "tapewatch dead resend --config my.toml t": ["terminal"],
}  # fmt: skip
"""What is typed, and what Tab offers."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my.toml").write_text(CONFIG)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/other.toml").write_text("")
    (tmp_path / "notes.txt").write_text("")
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    """Ours without any setting of tapewatch, our tapewatch first, nobody's start-up files."""
    clean = {name: own for name, own in os.environ.items() if not name.startswith(("TAPEWATCH_", "COMP_"))}
    return clean | {
        "PATH": f"{BIN}:{clean['PATH']}",
        "HOME": str(folder),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }


def ask(shell: list[str], script: str, folder: Path) -> str:
    """What the shell prints; nothing is to be on standard error."""
    program = shutil.which(shell[0])
    if program is None:
        pytest.skip(f"there is no {shell[0]}")
    ran = subprocess.run(
        [program, *shell[1:]],
        cwd=folder,
        env=environment(folder),
        input=script,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ran.stderr == ""
    return ran.stdout


def test_bash(folder: Path) -> None:
    """Bash puts words on the line as they are: a space in one is escaped, unless it is within quotes."""
    ask_ = 't() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _tapewatch_completion tapewatch;'
    show = "printf '%s\\n' \"${COMPREPLY[@]}\" ---; }"
    lines = "\n".join(f"t {' '.join(map(shlex.quote, words(line)))}" for line in LINES)
    behind = "COMP_WORDS=(tapewatch log --rule eth --config my.toml) COMP_CWORD=3"
    found = ask(
        ["bash", "--norc"],
        f'eval "$(tapewatch --show-completion bash)"\n{ask_} {show}\n{lines}\n'
        f"{behind}; COMPREPLY=(); _tapewatch_completion tapewatch; printf '%s\\n' \"${{COMPREPLY[@]}}\" ---\n",
        folder,
    )
    *offered, last, end = found.split("---\n")
    escaped = [[word.replace("'", "\\'").replace(" ", "\\ ") for word in own] for own in LINES.values()]
    assert [own.splitlines() for own in offered] == escaped
    assert (last, end) == ("ether\n", "")


def words(line: str) -> list[str]:
    """As bash splits a line: a word that is escaped stays so."""
    return line.replace("\\ ", "\0").replace(" ", "\n").replace("\0", "\\ ").split("\n")


def test_fish(folder: Path) -> None:
    some = dict(list(LINES.items())[2:6])
    lines = "\n".join(f"complete -C {shlex.quote(line)}; echo ---" for line in some)
    found = ask(["fish", "--no-config"], f"tapewatch --show-completion fish | source\n{lines}\n", folder)
    offered = [sorted(own.splitlines()) for own in found.split("---\n")[:-1]]
    assert offered == [sorted(own) for own in some.values()]


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("tapewatch notify-test --config my.toml d", "tapewatch notify-test --config my.toml desk "),
        ("tapewatch log --config my.toml --rule previous\\ h", "--rule previous\\ high "),
    ],
)
def test_zsh(folder: Path, line: str, completed: str) -> None:
    """A terminal of its own: zsh completes nowhere else."""
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("there is no zsh")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(zsh, ["zsh", "-f", "-i"], environment(folder) | {"COLUMNS": "200"})
    set_up = 'autoload -Uz compinit; compinit -u -D; eval "$(tapewatch --show-completion zsh)"'
    os.write(terminal, f"{set_up}; print rea''dy\n".encode())
    read_until(terminal, "ready\r")
    os.write(terminal, f"{line}\t".encode())
    read_until(terminal, completed)
    os.close(terminal)
    os.waitpid(pid, 0)


def read_until(terminal: int, text: str) -> None:
    seen, end = "", time.monotonic() + 60
    while text not in seen:
        assert time.monotonic() < end, f"{text!r} did not come: {seen!r}"
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 65536).decode(errors="replace")


@pytest.mark.parametrize(
    "config",
    ["", "name = ", "watch = 7", "[[watch]]\nsymbol = 7\n[[watch.level]]\nname = 3\n", "\xff\x00", None],
)
@pytest.mark.parametrize(
    "name",
    [
        "symbols",
        "rules",
        "receivers",
        "feeds",
        "timeframes",
        "vendors_symbols",
        "configs",
        "types",
        "vendors",
    ],
)
def test_no_config_makes_it_fail_or_say_anything(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    config: str | None,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if config is not None:
        Path("my.toml").write_bytes(config.encode("latin-1"))
    command = get_command(cli.app)
    with command.make_context("tapewatch", [], resilient_parsing=True) as ctx:
        for given in ("my.toml", ".", "/proc/self/mem", "no/such.toml"):
            ctx.params["config"] = Path(given)
            for begun in ("", "x", "/", "~/", "a/b/", "\0", "=", "'"):
                assert all(isinstance(own, str) for own in getattr(completions, name)(ctx, begun))
    assert capfd.readouterr() == ("", "")


def test_it_answers_before_anybody_waits(folder: Path) -> None:
    """None of what takes long is imported: a shell starts a process for each Tab. (typer imports part of pydantic.)"""
    slow = {
        "numpy",
        "numba",
        "httpx",
        "pandas",
        "redis",
        "tapewatch.config",
        "msgspec",
        "rich.console",
    }
    env = os.environ | {
        "_TAPEWATCH_COMPLETE": "complete_bash",
        "COMP_WORDS": "tapewatch\nlog\n--config\nmy.toml\n--rule\n",
        "COMP_CWORD": "5",
    }
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", BIN / "tapewatch"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "previous\\ high" in ran.stdout
    assert imported & slow == set()


def test_the_words_that_are_always_the_same_are_those_of_the_program() -> None:
    assert set(completions.VENDORS) == set(VENDORS)
    assert set(completions.SCENARIOS) == set(SCENARIOS)
    assert set(completions.TYPES) == {own.removeprefix(TYPE_PREFIX) for own in ALERT_TYPES}
    assert DEFAULT_CONFIG == completions.DEFAULT_CONFIG
    assert all(duration_ns(own) for own in completions.TIMEFRAMES)
    defaults = Config.model_validate({"name": "x", "watch": [{"symbol": "X"}]}).watch[0].timeframes
    assert set(defaults) <= set(completions.TIMEFRAMES)


def test_every_option_that_takes_a_name_is_completed() -> None:
    """Whoever adds a command with `--symbol` or the like is told here."""
    names = {
        "config",
        "symbol",
        "rule",
        "type_",
        "severity",
        "receiver",
        "vendor",
        "scenario",
        "feed",
        "timeframe",
    }
    lacking = []
    for name, command in get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        for own in (command, *getattr(command, "commands", {}).values()):
            for param in own.params:
                if param.name in names and param._custom_shell_complete is None:
                    lacking.append(f"{name} {own.name} {param.name}")
    assert not lacking

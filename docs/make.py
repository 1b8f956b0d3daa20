"""Writes what the docs take from the program: `python docs/make.py`.

The pictures of the README (what `make run` and `tapewatch top` show after the breakout), the example and the JSON
Schema of `docs/alerts.md`, the JSON Schema of the config, `docs/asyncapi.yaml`, and each watch in `docs/cookbook.md`.
The page `docs/config.md` is made by `tapewatch.config_docs`.
"""

import io
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from rich.console import Console

import make_asyncapi
import make_cookbook
import top_picture
from tapewatch import example
from tapewatch.alerts.alert import Alert, encode
from tapewatch.alerts.schema import alert_schema
from tapewatch.check import load
from tapewatch.config import json_schema
from tapewatch.demo.view import View
from tapewatch.feeds.scenario import Scenario, sp500_7000
from tapewatch.market.sessions import sessions
from tapewatch.replay import Replay, Stretch

DOCS = Path(__file__).parent
PICTURE = DOCS / "pictures/demo.svg"
TOP = DOCS / "pictures/top.svg"
ALERTS = DOCS / "alerts.md"
SCHEMA = DOCS / "alert.schema.json"
CONFIG_SCHEMA = DOCS / "config.schema.json"

WIDTH, HEIGHT = 110, 42
"""Of the terminal in the picture."""
MOMENT = 1_769_616_900_000_000_000
"""28 January 2026, 11:15 in New York, ns UTC: 7,000 is broken, and confirmed."""
BATCH = 40
"""Ticks between two looks at the price."""

_LINE_CLIP = re.compile(
    r' clip-path="url\(#demo-line-\d+\)"|<clipPath id="demo-line-\d+">.*?</clipPath>\s*', re.DOTALL
)
_WEB_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_EXAMPLE = re.compile(r"(?<=```json\n).*?(?=\n```)", re.DOTALL)


def picture() -> str:
    """The demo's terminal view at `MOMENT`, SVG."""
    with _replay() as (scenario, replay):
        ticks = scenario.tape().rows({scenario.symbol: 0})
        before = ticks[ticks["time"] <= MOMENT]
        view = View(replay.config, scenario, 60)
        for alerts in replay.run([Stretch(Path(), before, MOMENT, batch=BATCH)]):
            for own in alerts:
                view.tell(own)
            price, time = replay.engine.last(0)
            values = {name: str(value) for name, value in replay.engine.values(0).items()}
            view.take({"price": str(price), "time_ns": str(time), **values})
        console = Console(record=True, width=WIDTH, height=HEIGHT, file=io.StringIO(), force_terminal=True)
        console.print(view)
    svg = console.export_svg(title="make run", unique_id="demo")
    # A page that shows the picture should load nothing from elsewhere; every system has some monospaced font.
    svg = _WEB_FONT.sub("", svg).replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
    # Blocks of the chart should touch those in the next line, and nothing here is wider than its line.
    return _LINE_CLIP.sub("", svg).replace("font-size: 20px", "font-size: 21px")


def top() -> str:
    """The screen of `tapewatch top` at `MOMENT`, SVG."""
    with _replay(keep_bars=True) as (scenario, replay):
        ticks = scenario.tape().rows({scenario.symbol: 0})
        stretch = Stretch(Path(), ticks[ticks["time"] <= MOMENT], MOMENT, batch=BATCH)
        fired = [own for alerts in replay.run([stretch]) for own in alerts]
        return top_picture.picture(top_picture.state(replay, fired, replay.engine.closed_bars()))


def alert() -> Alert:
    """The scenario's first alert of the breakout."""
    return next(own for own in alerts() if own.data.rule == "breakout")


@cache
def alerts() -> tuple[Alert, ...]:
    """The scenario's alerts, all of them."""
    with _replay() as (scenario, replay):
        ticks = scenario.tape().rows({scenario.symbol: 0})
        return tuple(own for several in replay.run([Stretch(Path(), ticks, MOMENT)]) for own in several)


def asyncapi() -> str:
    """The description of the channel and the stream, with an alert of a level, a zone and a divergence."""
    told: dict[str, Alert] = {}
    for own in alerts():
        told.setdefault(own.type.split(".")[1], own)
    return make_asyncapi.page([told[kind] for kind in ("level", "zone", "divergence")])


def page(text: str) -> str:
    """The text of docs/alerts.md with the example of now."""
    return _EXAMPLE.sub(lambda _: _json(json.loads(encode(alert()))), text, count=1)


def schema() -> str:
    """What `tapewatch schema alert` prints."""
    return json.dumps(alert_schema(), indent=2, ensure_ascii=False) + "\n"


def config_schema() -> str:
    """What `tapewatch schema config` prints."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


@contextmanager
def _replay(*, keep_bars: bool = False) -> Iterator[tuple[Scenario, Replay]]:
    """The scenario, and a replay of the default watch that has its history."""
    scenario = sp500_7000(sessions("XNYS"))
    with tempfile.TemporaryDirectory() as folder:
        scenario.write(Path(folder))
        base = load(example.config())
        history = [Path(folder) / f"{scenario.symbol}-{timeframe}.csv" for timeframe in scenario.history]
        watch = base.watch[0].model_copy(update={"title": scenario.title, "history": history})
        replay = Replay(base.model_copy(update={"watch": [watch]}), keep_bars=keep_bars)
        replay.warm([], [])
        yield scenario, replay


def _json(event: dict[str, Any]) -> str:
    """The event on as few lines as can be read: a field a line, of the indicators a kind a line."""
    lines = [f'  "{name}": {_compact(value)},' for name, value in event.items() if name != "data"]
    data = event["data"]
    fields = [f'    "{name}": {_compact(value)}' for name, value in data.items() if name != "indicators"]
    fields.insert(list(data).index("indicators"), _indicators(data["indicators"]))
    return "\n".join(["{", *lines, '  "data": {', ",\n".join(fields), "  }", "}"])


def _indicators(values: dict[str, float]) -> str:
    kinds: dict[str, list[str]] = {}
    for name, value in values.items():
        kinds.setdefault(name.partition("@")[0], []).append(f'"{name}": {value!r}')
    lines = [f"      {', '.join(own)}" for own in kinds.values()]
    return '    "indicators": {\n' + ",\n".join(lines) + "\n    }"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    TOP.write_text(top(), encoding="utf-8")
    ALERTS.write_text(page(ALERTS.read_text(encoding="utf-8")), encoding="utf-8")
    SCHEMA.write_text(schema(), encoding="utf-8")
    make_asyncapi.PAGE.write_text(asyncapi(), encoding="utf-8")
    cookbook = make_cookbook.PAGE
    cookbook.write_text(make_cookbook.page(cookbook.read_text(encoding="utf-8")), encoding="utf-8")
    CONFIG_SCHEMA.write_text(config_schema(), encoding="utf-8")

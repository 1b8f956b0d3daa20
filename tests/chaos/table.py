"""The table of docs/reliability.md."""

import re
from collections.abc import Sequence
from pathlib import Path

from chaos.faults import FAULTS
from chaos.run import Outcome
from chaos.verdict import HOOK, MAIL

_BEGIN, _END = "<!-- made by make chaos -->", "<!-- end of what is made -->"
_HEAD = """| fault | runs | stream exact | receivers complete | subscriber: each once | doubles: webhook, mail | note |
|---|---|---|---|---|---|---|"""


def table(outcomes: Sequence[Outcome]) -> str:
    """A line a fault, in the order of the list of faults, and one of all."""
    rows = [(fault, [own for own in outcomes if own.plan.fault.name == fault.name]) for fault in FAULTS]
    lines = [_line(fault.what, own, judged=not fault.redis_away) for fault, own in rows if own]
    return "\n".join([_HEAD, *lines, _line("**all**", outcomes, judged=True)])


def write(page: Path, text: str) -> None:
    """Puts `text` between the marks of the page."""
    old = page.read_text(encoding="utf-8")
    new = re.sub(f"(?s)(?<={_BEGIN}\n).*(?=\n{_END})", lambda _: text, old)
    page.write_text(new, encoding="utf-8")


def _line(what: str, outcomes: Sequence[Outcome], *, judged: bool) -> str:
    heard = [own for own in outcomes if not own.plan.fault.redis_away]
    cells = [
        what,
        str(len(outcomes)),
        _good(outcomes, "stream"),
        _good(outcomes, HOOK, MAIL),
        _good(heard, "subscriber") if judged else "–",
        ", ".join(_doubles(outcomes, name) for name in (HOOK, MAIL)),
        "; ".join(_notes(outcomes)),
    ]
    return f"| {' | '.join(cells)} |"


def _good(outcomes: Sequence[Outcome], *where: str) -> str:
    """How many runs have nothing wrong there; a run that failed shows nothing."""
    bad = sum(any(each.where in ("run", *where) for each in own.verdict.wrong) for own in outcomes)
    return str(len(outcomes)) if not bad else f"**{len(outcomes) - bad}**"


def _doubles(outcomes: Sequence[Outcome], receiver: str) -> str:
    """Alerts that came twice, and in how many runs."""
    counts = [count for own in outcomes if (count := own.verdict.doubles.get(receiver))]
    return f"{sum(counts)} in {len(counts)}" if counts else "0"


def _notes(outcomes: Sequence[Outcome]) -> list[str]:
    notes = []
    if taken := [own.takeover for own in outcomes if own.takeover is not None]:
        notes.append(f"taken over in {sorted(taken)[len(taken) // 2]:.1f} s, at most {max(taken):.1f} s")
    fields: dict[str, int] = {}
    for own in outcomes:
        for name, count in own.verdict.differences.items():
            fields[name] = fields.get(name, 0) + count
    notes += [f"`{name}` not as in the replay: {count} alerts" for name, count in sorted(fields.items())]
    return notes

"""The cookbook's page, `docs/cookbook.md`: the groups and their words are by hand, each watch is from its file.

A file in `docs/cookbook/` is a config that works as it stands, with a head of comments: a title, what it is for, then
what fires, what does not, what to change, and what the alerts say. `tests/cookbook/` replays a tape for each, on which
exactly these alerts fire.
"""

import re
from dataclasses import dataclass
from pathlib import Path

COOKBOOK = Path(__file__).parent / "cookbook"
PAGE = Path(__file__).parent / "cookbook.md"

_MADE = re.compile(r"(?<=<!-- )([\w-]+)( -->\n).*?(?=<!-- / -->)", re.DOTALL)
_GROUP = re.compile(r"^## (.+)$|^<!-- ([\w-]+) -->$", re.MULTILINE)
_LABEL = re.compile(r"^(Fires|Not|Change|Says): ?", re.MULTILINE)
_SAID = re.compile(r"^  (?=\S)", re.MULTILINE)
"""What begins an alert's text; its further lines are deeper."""


@dataclass(frozen=True)
class Recipe:
    """A watch that people want."""

    name: str
    """The stem of its file."""
    title: str
    what: str
    """What it shows, and why one would want it."""
    fires: str
    """When; goes on after the word "Fires", as the next two do after theirs."""
    not_: str
    """What not to expect."""
    change: str
    """What to make one's own."""
    says: list[str]
    """The text of each alert that comes of its test's tape."""
    toml: str
    """What of the file the page shows: from the first watch on, or from the feeds on if there are several."""


def recipes() -> list[Recipe]:
    """All of them, by name."""
    return [read(path) for path in sorted(COOKBOOK.glob("*.toml"))]


def read(path: Path) -> Recipe:
    """The recipe in a file.

    Raises:
        ValueError: its head lacks a part.
    """
    head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    lines = [line.removeprefix("#").removeprefix(" ") for line in head.splitlines()]
    what, *labelled = _LABEL.split("\n".join(lines[1:]))
    parts = dict(zip(labelled[::2], labelled[1::2], strict=True))
    if not lines[0] or sorted(parts) != ["Change", "Fires", "Not", "Says"]:
        raise ValueError(f"{path}: its head is a title, what it is for, Fires:, Not:, Change: and Says:")
    start = "[[feed]]" if body.count("[[feed]]") > 1 else "[[watch]]"
    return Recipe(
        name=path.stem,
        title=lines[0],
        what=_joined(what),
        fires=_joined(parts["Fires"]),
        not_=_joined(parts["Not"]),
        change=_joined(parts["Change"]),
        says=[_joined(text) for text in _SAID.split(parts["Says"])[1:]],
        toml=body[body.index(start) :].rstrip(),
    )


def page(text: str) -> str:
    """The text of docs/cookbook.md with the watches, and the list of them, as they are now."""
    known = {own.name: own for own in recipes()}
    made = {name: _section(own) for name, own in known.items()} | {"contents": _contents(text, known)}
    return _MADE.sub(lambda found: f"{found[1]}{found[2]}{made[found[1]]}", text)


def _section(recipe: Recipe) -> str:
    says = "\n>\n".join(f"> {text}" for text in recipe.says)
    return f"""\
### {recipe.title}

{recipe.what}

- **Fires** {recipe.fires}
- **Not** {recipe.not_}
- **Change** {recipe.change}

```toml
{recipe.toml}
```

It says:

{says}

The whole file: [cookbook/{recipe.name}.toml](cookbook/{recipe.name}.toml)

"""


def _contents(text: str, known: dict[str, Recipe]) -> str:
    """The groups, each with its watches."""
    groups: dict[str, list[str]] = {}
    for group, name in _GROUP.findall(text):
        if group:
            groups[group] = []
        elif name in known:
            groups[list(groups)[-1]].append(_link(known[name].title))
    lines = [f"- {_link(group)}" + _listed(own) for group, own in groups.items()]
    return "\n" + "\n".join(lines) + "\n\n"


def _listed(links: list[str]) -> str:
    return ":\n  " + " ·\n  ".join(links) if links else ""


def _link(title: str) -> str:
    """To the heading, by the anchor that GitHub makes of it."""
    anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
    return f"[{title}](#{anchor})"


def _joined(text: str) -> str:
    """Lines of a paragraph as one."""
    return " ".join(text.split())

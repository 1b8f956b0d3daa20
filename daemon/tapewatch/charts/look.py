"""Colours and sizes of a picture.

The colours are Okabe and Ito's, which people with any common colour blindness tell apart ("Color Universal Design",
2008), made darker or lighter where they would not stand out 3 : 1 from the background. Nothing is told by colour
alone: what rises is hollow and what falls is filled, lines differ in their dashes, alerts point up or down.
"""

from dataclasses import dataclass
from typing import Literal

DESIGN = (1200, 800)
"""Width and height, px, that the sizes below are for. A phone shows them at 360 px: 28 px there are 8.4 px."""

HEADLINE = 40.0
BODY = 30.0
LABEL = 28.0
"""Sizes of text, px."""

ROW = 42.0
"""Height of a row of text, px."""

EDGE = 18.0
"""From the edge of the picture to what is written in it, px."""

Dash = Literal["solid"] | tuple[float, tuple[float, ...]]

DASHES: tuple[Dash, ...] = (
    "solid",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (6, 2, 1.5, 2)),
    (0, (6, 2, 1.5, 2, 1.5, 2)),
)
"""Of the lines in a pane, in their order; in line widths."""


@dataclass(frozen=True)
class Look:
    """The colours of light or dark."""

    ground: str
    ink: str
    """Text, and what the alert is about."""
    soft: str
    """Text that explains."""
    place: str
    """Levels and zones."""
    grid: str
    rise: str
    fall: str
    alert: str
    """Alerts, and lines between the pivots of a divergence."""
    lines: tuple[str, ...]
    """Averages and bands, and lines of panes."""


LIGHT = Look(
    ground="#ffffff",
    ink="#101418",
    soft="#4d565f",
    place="#6b747d",
    grid="#e4e7ea",
    rise="#00805d",
    fall="#c94f00",
    alert="#b0307c",
    lines=("#0072b2", "#a86f00", "#3a96cf", "#56606a", "#7a5195"),
)
DARK = Look(
    ground="#14171b",
    ink="#f4f6f8",
    soft="#aab3bc",
    place="#8b959f",
    grid="#2a3036",
    rise="#1fc494",
    fall="#ff7f33",
    alert="#f08cc8",
    lines=("#5aaae8", "#e6a817", "#9bd3f5", "#c3cad1", "#c7a0e0"),
)

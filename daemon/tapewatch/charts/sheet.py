"""A sheet of so many pixels with texts and panes on it, measured from its upper left corner."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

from tapewatch.charts.letters import font
from tapewatch.charts.look import DESIGN, Look

Drawn = TypeVar("Drawn", bound=Artist)

_DOTS = 72
"""Dots per inch: a point is a pixel then."""


@dataclass(frozen=True)
class Box:
    """A rectangle on the sheet, px."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top


class Sheet:
    """What is drawn on; sizes are those of the design, larger or smaller with the sheet."""

    def __init__(self, width: int, height: int, look: Look) -> None:
        self.width = width
        self.height = height
        self.look = look
        self.scale = min(width / DESIGN[0], height / DESIGN[1])
        self.figure = Figure(figsize=(width / _DOTS, height / _DOTS), dpi=_DOTS, facecolor=look.ground)

    def px(self, size: float) -> float:
        """A size of the design on this sheet."""
        return size * self.scale

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        color: str,
        *,
        bold: bool = False,
        align: Literal["left", "center", "right"] = "left",
    ) -> Text:
        """One line of plain text, whose middle is at `y`."""
        return self._add(
            Text(
                x,
                self.height - y,
                text,
                color=color,
                fontproperties=font(size, bold=bold),
                horizontalalignment=align,
                verticalalignment="center_baseline",
                parse_math=False,
            )
        )

    def line(self, x: Sequence[float], y: Sequence[float], **style: Any) -> Line2D:
        """A line from point to point, over everything."""
        return self._add(Line2D(x, [self.height - own for own in y], **style))

    def box(self, box: Box, color: str, **style: Any) -> Rectangle:
        """A filled rectangle."""
        corner = (box.left, self.height - box.bottom)
        return self._add(Rectangle(corner, box.width, box.height, facecolor=color, **style))

    def bubble(self, box: Box, color: str, edge: str) -> FancyBboxPatch:
        """A filled rectangle with round corners."""
        corner = (box.left, self.height - box.bottom)
        return self._add(
            FancyBboxPatch(
                corner,
                box.width,
                box.height,
                boxstyle=f"round,pad=0,rounding_size={self.px(8)}",
                facecolor=color,
                edgecolor=edge,
                linewidth=self.px(2.5),
            )
        )

    def pane(self, box: Box, x: tuple[float, float], y: tuple[float, float]) -> Axes:
        """Axes without ticks in that rectangle."""
        pane = self.figure.add_axes(
            (
                box.left / self.width,
                1 - box.bottom / self.height,
                box.width / self.width,
                box.height / self.height,
            )
        )
        pane.set(xlim=x, ylim=y, facecolor=self.look.ground)
        pane.set_axis_off()
        return pane

    def _add(self, artist: Drawn) -> Drawn:
        artist.set_transform(IdentityTransform())
        artist.set_zorder(artist.get_zorder() + 10)
        self.figure.add_artist(artist)
        return artist

"""A watch of the cookbook, and what it makes of a tape."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cookbook import tapes
from make_cookbook import COOKBOOK, read
from tapewatch.alerts.alert import Alert
from tapewatch.check import load
from tapewatch.notify.stages.route import wants
from tapewatch.replay import Replay


class Dish:
    """One file of docs/cookbook.

    Args:
        name: its stem.
        folder: for the files of tapes and histories.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.config = load(COOKBOOK / f"{name}.toml")
        self.says = read(COOKBOOK / f"{name}.toml").says
        self._folder = folder

    def alerts(
        self, tape: str, daily: Sequence[float] = (), hourly: Sequence[float] = (), around: float = 0.0
    ) -> list[Alert]:
        """What fires on a tape, see `tapes.ticks`, after bars of these closes, the daily ones `around` points wider."""
        first = tapes.first_day(tape)
        histories = {
            "daily": tapes.daily(daily, first, around) if daily else "",
            "hourly": tapes.hourly(hourly, first) if hourly else "",
        }
        zone = ZoneInfo("UTC") if self.config.watch[0].calendar == "24/7" else tapes.NEW_YORK
        files = tapes.write(self._folder, **{name: text for name, text in histories.items() if text})
        (path,) = tapes.write(self._folder, tape=tapes.ticks(tape, zone))
        replay = Replay(self.config)
        stretches = replay.read([path])
        replay.warm(stretches, files)
        return [alert for own in replay.run(stretches) for alert in own]

    def told(self, tape: str, receiver: str | None = None, **history: Any) -> list[str]:
        """The texts of these alerts, or of those that a route leads to the receiver."""
        wanted = wants(self.config, receiver) if receiver else lambda _: True
        return [alert.data.text for alert in self.alerts(tape, **history) if wanted(alert)]


Cook = Callable[[str], Dish]
"""Gives the watch of the cookbook that has this name."""

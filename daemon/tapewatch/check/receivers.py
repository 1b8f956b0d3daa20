"""Receivers: what they name exists, and what they say fits together."""

import re
from collections.abc import Iterator
from pathlib import Path

from tapewatch.check.tables import Finding, Written
from tapewatch.check.wiring import matches_nothing

_CHANNEL_ID = re.compile(r"[CDGU][A-Z0-9]{6,}")
"""Slack's ids of channels, direct messages and groups; a user's id stands for the direct messages with them."""


def check_receivers(config: Written, folder: Path) -> Iterator[Finding]:
    """All that is wrong with a receiver by itself; `folder` is where its relative paths start."""
    for receiver in config.tables("receiver"):
        yield from _template(receiver, folder)
        if receiver.text("quiet") and "zone" not in receiver.data:
            yield receiver.warning(
                "quiet", 'is in UTC: write where its clock hangs, such as zone = "America/New_York", or "UTC"'
            )
        for match in receiver.tables("mute"):
            yield from _mute(config, match)
        if receiver.text("kind") == "slack":
            yield from _slack(receiver)


def _template(receiver: Written, folder: Path) -> Iterator[Finding]:
    name = receiver.text("template")
    if name and not (folder / name).is_file():
        yield receiver.error("template", f"there is no file {folder / name}")


def _mute(config: Written, match: Written) -> Iterator[Finding]:
    yield from matches_nothing(config, match, "so nothing is muted")
    if not match.data:
        yield Finding(match.spot, "mutes everything: say what, or leave the receiver out of the routes")


def _slack(receiver: Written) -> Iterator[Finding]:
    """A webhook has a URL and nothing else; a bot has a channel and a token."""
    channel = receiver.text("channel")
    if channel is None:
        for key in ("token_file", "api_url", "pictures"):
            if key in receiver.data:
                yield receiver.error(
                    key, "is of a bot: write the channel that it posts to, or leave this out"
                )
        return
    if "url_file" in receiver.data:
        yield receiver.error(
            "url_file", "is of a webhook, and a bot posts to the channel: leave one of them out"
        )
    if not _CHANNEL_ID.fullmatch(channel):
        yield receiver.warning(
            "channel",
            f"{channel} is no id of a channel, such as C0123456789, and a name may change or be taken",
        )

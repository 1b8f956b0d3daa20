"""The feeds of a config as sources of history, and what their vendors know us by."""

from collections.abc import Sequence

import httpx

from tapewatch import instruments, secrets
from tapewatch.addresses import FeedError
from tapewatch.config import Config, Feed, state_dir
from tapewatch.feeds.history import HistorySource
from tapewatch.feeds.protocol import Credentials
from tapewatch.feeds.vendors import VENDORS, history_source
from tapewatch.past import Past

HISTORY = "history"
"""Folder in the state folder where the vendors' bars are kept for a day."""


def credentials(config: Config, feed: Feed) -> Credentials:
    """What the feed's vendor knows us by.

    Raises:
        FeedError: it needs more than there is.
        ConfigError: the file of a secret cannot be read.
    """
    known = {}
    for field in ("key", "secret"):
        if f"{field}_file" in type(feed).model_fields:
            known[field] = config.secret("feed", feed.name, field, getattr(feed, f"{field}_file")) or ""
    for field in VENDORS[feed.vendor].needs(feed):
        if not known[field]:
            variable = secrets.variable("feed", feed.name, field)
            raise FeedError(
                f"feed {feed.name!r} has no {field}: set {variable}, or {field}_file in the config to a file "
                "that holds it"
            )
    return Credentials(**known)


def histories(
    config: Config, known: Sequence[Credentials], http: httpx.AsyncClient
) -> list[HistorySource | None]:
    """Per feed where past bars are asked for; None: nowhere.

    Args:
        config: the config.
        known: per feed, what its vendor knows us by.
        http: asks the vendors.
    """
    folder = state_dir(config) / HISTORY
    return [history_source(feed, own, http, folder) for feed, own in zip(config.feed, known, strict=True)]


def pasts(config: Config, own: Sequence[HistorySource | None]) -> dict[int, Past]:
    """The past of every watch, by its position in the config; `own` as `histories` has them."""
    found = {}
    for row, watch in enumerate(config.watch):
        feed = config.feed_of(watch)
        source = own[config.feed.index(feed)] if feed else None
        found[row] = Past(watch, instruments.names(config, watch), source, getattr(feed, "warm_up", 0))
    return found

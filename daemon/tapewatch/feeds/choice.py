"""Which feed of a config a command means."""

from tapewatch.config import Config, Feed
from tapewatch.problems import did_you_mean


class FeedChoiceError(ValueError):
    """The config has no such feed, or several; the message says which there are."""


def choose(config: Config, name: str | None) -> Feed:
    """The feed `name`; None: the only one there is.

    Raises:
        FeedChoiceError: nobody knows which.
    """
    names = [feed.name for feed in config.feed]
    if not names:
        raise FeedChoiceError("the config names no feed: add a [[feed]]")
    there_is = f"there is {', '.join(names)}"
    if name is None:
        if len(names) > 1:
            raise FeedChoiceError(f"the config has several feeds: say which with --feed; {there_is}")
        return config.feed[0]
    if name not in names:
        raise FeedChoiceError(
            f"the config has no feed {name!r}: {did_you_mean(name, names, otherwise=there_is)}"
        )
    return config.feed[names.index(name)]

"""Where a secret is already, and what one may look like; none is ever shown."""

from pathlib import Path

from tapewatch import redaction, secrets, urls
from tapewatch.init.answers import Secret


class WrongSecretError(ValueError):
    """What was typed can be no such secret; the message does not quote it."""


def find(section: str, name: str, key: str, file: str, folder: Path) -> Secret:
    """The secret `key` of a feed or receiver, where it is: in the environment, in `file` of `folder`, or nowhere."""
    variable = secrets.variable(section, name, key)
    if secrets.from_environment(variable):
        return Secret(key, variable, file, "environment")
    return Secret(key, variable, file, "file" if (folder / file).is_file() else "nowhere")


def is_there(own: Secret) -> bool:
    """Whether anybody knows it."""
    return own.place != "nowhere" or own.typed is not None


def read(own: Secret, folder: Path) -> str | None:
    """What it is; None: nobody knows.

    Raises:
        ConfigError: its file cannot be read, or is empty.
    """
    if own.typed is not None:
        return own.typed
    if own.place == "environment":
        return secrets.from_environment(own.variable)
    return secrets.read(folder / own.file) if own.place == "file" else None


def checked(text: str, key: str, *, any_scheme: bool = False) -> str:
    """What was typed or pasted, without white space around it.

    Args:
        text: as typed.
        key: of the config.
        any_scheme: whether a `url` need not be one of HTTP.

    Raises:
        WrongSecretError: it is more than one line, or a `url` that is none.
    """
    own = text.strip()
    if not own.isprintable():
        raise WrongSecretError("that is no single line of text: paste it again")
    if own:
        redaction.note(own)
    if own and key == "url" and not _is_url(own, any_scheme):
        raise WrongSecretError(
            f"that is no URL: it begins with {'a word and ' if any_scheme else 'https'}://"
        )
    return own


def _is_url(text: str, any_scheme: bool) -> bool:
    if any_scheme:
        return "://" in text
    try:
        urls.check_http(text)
    except ValueError:
        return False
    return text.startswith(("http://", "https://"))

"""Secrets stand in the environment or in files of their own, never in the config, in logs or in errors.

Each that is read here is noted in `redaction`, so that no line shows it.
"""

import os
import re
from pathlib import Path

from tapewatch import redaction
from tapewatch.problems import ConfigError, Problem


def variable(section: str, name: str, field: str) -> str:
    """The environment variable of a secret: TAPEWATCH_FEED_TAPE_KEY."""
    return re.sub(r"[^A-Z0-9]", "_", f"TAPEWATCH_{section}_{name}_{field}".upper())


def from_environment(name: str) -> str | None:
    """What the environment variable `name` holds; None if nothing."""
    secret = os.environ.get(name)
    if secret:
        redaction.note(secret)
    return secret or None


def read(file: Path) -> str:
    """What `file` holds, without white space around it.

    A file of that name in $CREDENTIALS_DIRECTORY comes first: systemd's LoadCredential= puts it there when
    the daemon itself may not read the original.

    Raises:
        ConfigError: it cannot be read, or is empty.
    """
    chosen = _chosen(file)
    try:
        secret = chosen.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError([Problem(chosen, None, "", f"this secret file cannot be read: {reason}")]) from None
    if not secret:
        raise ConfigError([Problem(chosen, None, "", "this secret file is empty")])
    redaction.note(secret)
    return secret


def readable(file: Path) -> Path:
    """Where `read` would read `file`, for what is opened by others.

    Raises:
        ConfigError: it cannot be read.
    """
    chosen = _chosen(file)
    try:
        chosen.open("rb").close()
    except OSError as error:
        raise ConfigError(
            [Problem(chosen, None, "", f"this file cannot be read: {error.strerror}")]
        ) from None
    return chosen


def _chosen(file: Path) -> Path:
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    given = Path(credentials) / file.name if credentials else None
    return given if given and given.is_file() else file

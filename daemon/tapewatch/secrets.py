"""Secrets stand in the environment or in files of their own, never in the config, in logs or in errors."""

import os
import re
from pathlib import Path

from tapewatch.problems import ConfigError, Problem


def variable(section: str, name: str, field: str) -> str:
    """The environment variable of a secret: TAPEWATCH_FEED_TAPE_KEY."""
    return re.sub(r"[^A-Z0-9]", "_", f"TAPEWATCH_{section}_{name}_{field}".upper())


def read(file: Path) -> str:
    """What `file` holds, without white space around it.

    A file of that name in $CREDENTIALS_DIRECTORY comes first: systemd's LoadCredential= puts it there when
    the daemon itself may not read the original.

    Raises:
        ConfigError: it cannot be read, or is empty.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    given = Path(credentials) / file.name if credentials else None
    chosen = given if given and given.is_file() else file
    try:
        secret = chosen.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError([Problem(chosen, None, "", f"this secret file cannot be read: {reason}")]) from None
    if not secret:
        raise ConfigError([Problem(chosen, None, "", "this secret file is empty")])
    return secret

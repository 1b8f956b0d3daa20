"""The formats of the log. A module of its own: the command line names them before it imports anything large."""

from enum import StrEnum


class LogFormat(StrEnum):
    """How a line of the log is written."""

    JSON = "json"
    COLOUR = "colour"
    LOGFMT = "logfmt"

"""tapewatch watches the tape: ticks in, alerts out, exactly once."""

__version__ = "0.1.0"

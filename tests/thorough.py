"""How many examples a property test tries: all of them takes `make test-long`."""

import os

THOROUGH = "TAPEWATCH_THOROUGH"
"""Set to anything: all."""


def examples(most: int) -> int:
    """All, or a quarter: what is rare is found by the long run, what is broken by either."""
    return most if os.environ.get(THOROUGH) else most // 4

"""For all tests: what is the whole process's is as it was before each."""

import pytest

from tapewatch import redaction


@pytest.fixture(autouse=True)
def no_secret_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that another test read would be masked in this one's words."""
    monkeypatch.setattr(redaction, "_forms", [])

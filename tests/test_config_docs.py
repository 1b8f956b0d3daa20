"""docs/config.md says what the models say."""

from pathlib import Path

import pytest

from tapewatch import config_docs
from tapewatch.alerts.conditions import parse

PAGE = Path(__file__).parents[1] / "docs/config.md"


def test_the_page_is_up_to_date():
    command = "PYTHONPATH=daemon python -m tapewatch.config_docs > docs/config.md"
    assert PAGE.read_text(encoding="utf-8") == config_docs.page(), f"run {command}"


@pytest.mark.parametrize("when", config_docs.CONDITIONS)
def test_the_conditions_of_the_page_can_be_written(when: str):
    parse(when)

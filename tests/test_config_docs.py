"""docs/config.md says what the models say."""

from pathlib import Path

import pytest

from tapewatch import config_docs
from tapewatch.alerts.conditions import parse
from tapewatch.engine.indicators import OUTPUTS

PAGE = Path(__file__).parents[1] / "docs/config.md"


def test_the_page_is_up_to_date():
    command = "PYTHONPATH=daemon python -m tapewatch.config_docs > docs/config.md"
    assert PAGE.read_text(encoding="utf-8") == config_docs.page(), f"run {command}"


@pytest.mark.parametrize("when", [*config_docs.EVENTS, *config_docs.STATES, *config_docs.COMBINED])
def test_the_conditions_of_the_page_can_be_written(when: str):
    parse(when)


def test_what_the_page_calls_an_event_is_one_and_a_state_is_none():
    assert all(parse(when).event and not parse(when).states for when in config_docs.EVENTS)
    assert not any(parse(when).event for when in config_docs.STATES)


@pytest.mark.parametrize("operand", config_docs.OPERANDS)
def test_the_operands_of_the_page_can_be_compared(operand: str):
    parse(f"{operand} > 1")


def test_the_page_has_every_indicator():
    assert {operand.partition("(")[0] for operand in config_docs.OPERANDS} >= set(OUTPUTS)

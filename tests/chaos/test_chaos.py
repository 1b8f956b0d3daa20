"""The promises of docs/reliability.md, kept while things go wrong at random moments; and a harness that can fail."""

import re
from pathlib import Path

import pytest

from chaos.campaign import campaign
from chaos.faults import FAULTS, SABOTAGE
from chaos.run import Plan, plans

PAGE = Path(__file__).parents[2] / "docs/reliability.md"
SEED = 2026

SHORT = ("daemon-killed",)


def plan(name: str, number: int = 1) -> Plan:
    return Plan(SEED, number, next(fault for fault in (*FAULTS, *SABOTAGE) if fault.name == name))


@pytest.mark.timeout(300)
async def test_a_fault_neither_loses_nor_doubles_an_alert_and_the_harness_can_fail(tmp_path: Path) -> None:
    planned = [plan(name) for name in (*SHORT, "alert-doubled")]
    said = {own.plan.fault.name: own async for own in campaign(planned, 2, tmp_path)}
    sabotaged = str(said.pop("alert-doubled"))
    assert not [str(own) for own in said.values() if own.verdict.wrong]
    assert set(said) == set(SHORT)
    assert re.search(r"stream: 1 \(.*\) more than once", sabotaged)


@pytest.mark.long
async def test_an_alert_that_is_removed_from_redis_does_not_pass(tmp_path: Path) -> None:
    (own,) = [own async for own in campaign([plan("alert-removed")], 1, tmp_path, patience=10)]
    assert re.search(r"stream: 1 \(.*\) missing", str(own))


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_two_hundred_faults_neither_lose_nor_double_an_alert(tmp_path: Path) -> None:
    planned = plans(sum(fault.share for fault in FAULTS), SEED)
    outcomes = [outcome async for outcome in campaign(planned, 2, tmp_path)]
    assert not [str(outcome) for outcome in outcomes if outcome.verdict.wrong]
    assert len(outcomes) >= 200


def test_every_fault_has_its_share_of_the_runs() -> None:
    planned = plans(len(FAULTS) * 3, SEED)
    assert {each.fault.name for each in planned} == {fault.name for fault in FAULTS}
    assert [each.name for each in planned] == [each.name for each in plans(len(FAULTS) * 3, SEED)]


def test_the_page_has_a_line_of_every_fault() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = [fault.what for fault in FAULTS if f"| {fault.what} |" not in page]
    assert not missing, "run make chaos"

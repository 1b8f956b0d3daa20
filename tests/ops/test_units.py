"""The units of deploy/systemd: hardened, and the same but for the name of the instance."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "deploy/systemd"
ONE, MANY = UNITS / "tapewatch.service", UNITS / "tapewatch@.service"


def settings(unit: Path) -> list[str]:
    return [line for line in unit.read_text().splitlines() if line and not line.startswith("#")]


def test_many_instances_run_as_one_does() -> None:
    expected = [
        line.replace("tapewatch/config.toml", "tapewatch/%i.toml")
        .replace("Directory=tapewatch", "Directory=tapewatch-%i")
        .replace("User=tapewatch", "User=tapewatch-%i")
        .replace("alerts from the tape", "alerts from the tape, of %i")
        for line in settings(ONE)
    ]
    assert settings(MANY) == expected


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", [ONE, MANY], ids=lambda unit: unit.name)
def test_exposure_is_at_most_1_5(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", unit]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Overall exposure level for \S+ ([\d.]+)", said)
    assert found, said
    assert float(found[1]) <= 1.5, said

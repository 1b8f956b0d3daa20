"""Writes what tapewatch is made of, as a CycloneDX file: `make sbom`.

It lists what the program needs when it runs, at the versions of requirements.lock as they are installed here; neither
tests nor linters. Which files those versions may be, by hash, stands in the lock.

Source: https://cyclonedx.org/docs/1.6/json/, https://cyclonedx-bom-tool.readthedocs.io/
"""

import json
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PRODUCT = "tapewatch"


def needed() -> dict[str, set[str]]:
    """The product and all that it needs to run, each with what it needs itself; no extras that nobody asks for.

    Raises:
        PackageNotFoundError: something of that is not installed.
    """
    extras: dict[str, set[str]] = {}
    needs: dict[str, set[str]] = {}
    ahead: list[tuple[str, set[str]]] = [(PRODUCT, set())]
    while ahead:
        one, asked = ahead.pop()
        one = canonicalize_name(one)
        if one in needs and asked <= extras[one]:
            continue
        extras[one] = extras.get(one, set()) | asked
        own = [line for line in map(Requirement, _requirements(one)) if _applies(line, extras[one])]
        needs[one] = {canonicalize_name(line.name) for line in own}
        ahead += [(line.name, line.extras) for line in own]
    return needs


def _requirements(name: str) -> list[str]:
    if name != PRODUCT:
        return distribution(name).requires or []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]  # as it is now
    dependencies: list[str] = project["dependencies"]
    return dependencies


def _applies(line: Requirement, extras: set[str]) -> bool:
    return line.marker is None or any(line.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def described() -> dict[str, Any]:
    """All that is installed, in CycloneDX's words."""
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "environment",
        "--pyproject",
        str(ROOT / "pyproject.toml"),
    ]
    command += ["--output-reproducible", "--output-format", "JSON", sys.executable]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  our own words
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def at_runtime(bom: dict[str, Any], needs: dict[str, set[str]]) -> dict[str, Any]:
    """Only what is needed, and who needs what."""
    root = bom["metadata"]["component"]["bom-ref"]
    own = [part for part in bom["components"] if canonicalize_name(part["name"]) in needs]
    refs = {canonicalize_name(part["name"]): part["bom-ref"] for part in own} | {PRODUCT: root}
    graph = [
        {"ref": refs[name], "dependsOn": sorted(refs[other] for other in others)}
        for name, others in sorted(needs.items())
    ]
    return bom | {"components": own, "dependencies": graph}


def main() -> int:
    """Writes the file, and says where it is."""
    try:
        needs = needed()
    except PackageNotFoundError as error:
        print(f"{error.name} is not installed here", file=sys.stderr)
        return 1
    bom = at_runtime(described(), needs)
    path = ROOT / "dist" / f"{PRODUCT}-{version(PRODUCT)}.cdx.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(bom, indent=2) + "\n", encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {len(bom['components'])} parts")
    return 0


if __name__ == "__main__":
    sys.exit(main())

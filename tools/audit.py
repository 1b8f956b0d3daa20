"""Asks whether a version that requirements.lock pins is known to be vulnerable.

    python tools/audit.py                      `make audit`: an answer, or exit code 1
    python tools/audit.py --if-reachable       `make lint`: where nobody can be asked, that is said, and is no fault
    python tools/audit.py --osv-url URL        asks this service instead of PyPI's

pip-audit takes "never heard of it" for "nothing known", and so passes on a mirror that serves packages but no
advisories. Therefore a release with a known hole is asked for first; only who knows that one is believed.

Source: https://github.com/pypa/pip-audit#readme, and https://osv.dev/docs for the service.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"

KNOWN = "jinja2==2.10"
"""Its sandbox can be left: CVE-2019-10906."""

ACCEPTED: dict[str, str] = {}
"""Vulnerabilities that do not touch us, by id, with the reason."""

Dependencies = list[dict[str, Any]]


class UnreachableError(Exception):
    """Nobody answers; the message says what was said instead."""


def audit(requirements: Path, service: list[str], *options: str) -> Dependencies:
    """What the service knows of each requirement: `vulns`, or a `skip_reason`.

    Args:
        requirements: pinned.
        service: pip-audit's options that choose it.
        options: more of them.

    Raises:
        UnreachableError: it did not answer.
    """
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--requirement",
        str(requirements),
        "--disable-pip",
        *options,
    ]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "10", *service]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own words
    try:
        found: Dependencies = json.loads(ran.stdout)["dependencies"]
    except ValueError:
        raise UnreachableError((ran.stderr.strip().splitlines() or ["no answer"])[-1]) from None
    return found


def ask_for_known(service: list[str]) -> None:
    """Returns if the service knows what everybody knows.

    Raises:
        UnreachableError: it does not, or does not answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder) / "requirements.txt"
        one.write_text(f"{KNOWN}\n", encoding="utf-8")
        (answer,) = audit(one, service, "--no-deps")
    if not answer.get("vulns"):
        raise UnreachableError(answer.get("skip_reason", f"it knows of no hole in {KNOWN}"))


def bad(found: Dependencies) -> list[str]:
    """A line for each thing that must not be."""
    lines = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version'}"
        for one in found
        for hole in one.get("vulns", ())
        if not ACCEPTED.keys() & {hole["id"], *hole["aliases"]}
    ]
    return lines + [f"{one['name']}: {one['skip_reason']}" for one in found if "skip_reason" in one]


def main() -> int:
    """Exit code 1 if something is known, or if nobody could be asked and that is not allowed."""
    parser = argparse.ArgumentParser(
        description="Are there known vulnerabilities in what requirements.lock pins?"
    )
    parser.add_argument("--if-reachable", action="store_true", help="it is no fault if nobody answers")
    parser.add_argument("--osv-url", help="ask this service")
    parser.add_argument("--lock", type=Path, default=LOCK, help="another file of the same form")
    given = parser.parse_args()
    service = [] if given.osv_url is None else ["--vulnerability-service", "osv", "--osv-url", given.osv_url]
    try:
        ask_for_known(service)
        found = audit(given.lock, service, "--require-hashes")
    except UnreachableError as error:
        print(
            f"pip-audit: not done, the vulnerability service cannot be asked here: {error}", file=sys.stderr
        )
        return 0 if given.if_reachable else 1
    lines = bad(found)
    print(
        *lines, f"pip-audit: {len(found)} versions looked up, {len(lines)} to mend", sep="\n", file=sys.stderr
    )
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

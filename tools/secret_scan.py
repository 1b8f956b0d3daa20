"""Looks for passwords, keys and tokens in the files of the repository; part of `make lint`.

    python tools/secret_scan.py                all files that git knows, or would
    python tools/secret_scan.py FILE ...       those alone
    python tools/secret_scan.py --accept       what is found now is no secret: write .secrets.baseline anew

What to look for, and what was looked at and is none, stands in `.secrets.baseline`. Nothing found is tried out: the
file leaves out the filter that would ask the vendors whether a token works.

A secret made up for a test says so: one that contains `sesame`, `hush`, `hunter`, `secret`, `pass` or `token` is none.

Source: https://github.com/Yelp/detect-secrets
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from detect_secrets.core import baseline
from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.core.secrets_collection import SecretsCollection

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / ".secrets.baseline"
NO_PROSE = {BASELINE.name, "requirements.lock", "requirements-dev.lock"}
"""Files full of hashes."""
NOT_OURS = {".git", ".venv", "dist"}


def files() -> list[str]:
    """Paths below the root: what git knows or would take; without git, whatever is not generated."""
    git = shutil.which("git")
    if git is not None and (ROOT / ".git").exists():
        command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603
        found = {Path(name) for name in said.split("\0") if (ROOT / name).is_file()}
    else:
        found = set(_walk())
    return sorted(str(path) for path in found if path.name not in NO_PROSE)


def _walk() -> Iterator[Path]:
    for path in ROOT.rglob("*"):
        relative = path.relative_to(ROOT)
        generated = any(part in NOT_OURS or part.endswith(("cache", "cache__")) for part in relative.parts)
        if path.is_file() and not generated:
            yield relative


def scan(paths: list[str]) -> SecretsCollection:
    """What looks like a secret in these files, with the settings of the baseline."""
    found = SecretsCollection()
    found.scan_files(*paths)
    return found


def where(secret: PotentialSecret) -> str:
    """For a person, without the secret."""
    return f"{secret.filename}:{secret.line_number}: {secret.type}"


def main() -> int:
    """Exit code 1 if something is found that nobody looked at."""
    parser = argparse.ArgumentParser(description="Looks for secrets in files.")
    parser.add_argument("files", nargs="*", help="look in these alone")
    parser.add_argument("--accept", action="store_true", help="what is found now is no secret")
    given = parser.parse_args()
    named = [os.path.relpath(Path(name).absolute(), ROOT) for name in given.files]
    os.chdir(ROOT)
    known = baseline.load(baseline.load_from_file(BASELINE.name), BASELINE.name)
    if given.accept:
        baseline.save_to_file(scan(files()), BASELINE.name)
        return 0
    new = sorted(where(secret) for _, secret in scan(named or files()) - known)
    for line in new:
        print(line, file=sys.stderr)
    if new:
        print(
            "Take it out, and have it replaced where it is valid. One made up for a test contains `sesame`; "
            "what is no secret at all: python tools/secret_scan.py --accept",
            file=sys.stderr,
        )
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())

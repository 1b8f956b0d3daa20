"""`make lint` finds secrets, vulnerable dependencies and dangerous calls, and `make sbom` lists every part."""

import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")

# In two halves each, so that this file passes; made up like all others.
PLANTED = [
    pytest.param(
        'url = "https://hooks.slack.com/services/T024BE7LD/',
        'B7QK3M2XA/q9Zt4Wf8Kx1Lr6Vn3Bc7Hm2P"',
        id="slack",
    ),
    pytest.param('BOT = "xoxb-2401337711-', '2402118822-aZ4kQ8wR2tY6uI1oP3sD5fGh"', id="slack bot"),
    pytest.param(
        'TAPEWATCH_REDIS_URL="rediss://tapewatch:', 'Vn3Bc7Hm2PqT5y@redis.example.com:6380/0"', id="redis"
    ),
    pytest.param('signing = "whsec_', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"', id="webhook"),
    pytest.param('smtp_password = "', 'Vn3Bc7Hm2PqT5y"', id="password"),
    pytest.param("-----BEGIN RSA ", "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA", id="private key"),
    pytest.param('alpaca = "k8Zr4Wf8Kx1Lr6Vn', '3Bc7Hm2PqT5yUj9aSd0gEwXo"', id="entropy"),
]


def tool(name: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / name), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize(("one", "other"), PLANTED)
def test_a_planted_secret_is_found_and_not_shown(tmp_path: Path, one: str, other: str) -> None:
    (tmp_path / "settings.toml").write_text(f"# settings\n{one}{other}\n")
    ran = tool("secret_scan.py", tmp_path / "settings.toml")
    assert ran.returncode == 1
    assert "settings.toml:2: " in ran.stderr
    assert other.splitlines()[0] not in ran.stderr


def test_what_is_made_up_and_says_so_is_none(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        'password = "open-sesame-7Hm2Pq"\npassword_file = "smtp.password"\n'
    )
    ran = tool("secret_scan.py", tmp_path / "settings.toml")
    assert ran.returncode == 0, ran.stderr


def test_what_is_found_is_not_tried_out_at_the_vendor() -> None:
    filters = json.loads((ROOT / ".secrets.baseline").read_text(encoding="utf-8"))["filters_used"]
    assert not [filter_ for filter_ in filters if "verification" in filter_["path"]]


def test_ruff_judges_what_bandit_leaves_to_it() -> None:
    lint = PROJECT["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    files = lint["per-file-ignores"].items()
    ignored = {
        *lint["ignore"],
        *(code for path, codes in files if path.startswith("daemon") for code in codes),
    }
    twins = {code.replace("B", "S") for code in PROJECT["tool"]["bandit"]["skips"]}
    assert not ignored & {"S", *twins}


def test_bandit_finds_what_is_dangerous(tmp_path: Path) -> None:
    (tmp_path / "worse.py").write_text("import pickle\npickle.loads(open('x', 'rb').read())\neval('1')\n")
    command = [sys.executable, "-m", "bandit", "-q", "-c", str(ROOT / "pyproject.toml"), "-r", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert {"B301", "B307"} <= set(re.findall(r"B\d{3}", ran.stdout))


class Advisories(BaseHTTPRequestHandler):
    """A vulnerability service, in the words of https://google.github.io/osv.dev/post-v1-query/."""

    known: ClassVar[dict[tuple[str, str], str]] = {}

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        hole = self.known.get((name, asked["version"]))
        affected = {
            "package": {"name": name, "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
        answer: dict[str, Any] = {"vulns": [{"id": hole, "affected": [affected]}]} if hole else {}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Its URL; it knows what everybody knows."""
    monkeypatch.setattr(Advisories, "known", {("jinja2", "2.10"): "PYSEC-2019-217"})
    with HTTPServer(("127.0.0.1", 0), Advisories) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Two pins."""
    path = tmp_path / "some.lock"
    digest = "--hash=sha256:" + "0" * 64
    path.write_text(
        f"lark==1.3.1 \\\n    {digest}\nredis==8.1.0 ; python_version >= '3.11' \\\n    {digest}\n"
    )
    return path


def test_a_dependency_with_a_known_hole_fails(service: str, lock: Path) -> None:
    Advisories.known["redis", "8.1.0"] = "PYSEC-2099-1"
    ran = tool("audit.py", "--if-reachable", "--osv-url", service, "--lock", lock)
    assert ran.returncode == 1
    assert "redis 8.1.0: PYSEC-2099-1, mended in 99.1" in ran.stderr
    assert "2 versions looked up, 1 to mend" in ran.stderr


def test_dependencies_without_pass(service: str, lock: Path) -> None:
    ran = tool("audit.py", "--osv-url", service, "--lock", lock)
    assert ran.returncode == 0, ran.stderr
    assert "2 versions looked up, 0 to mend" in ran.stderr


def test_a_service_that_knows_of_no_hole_at_all_is_not_believed(service: str, lock: Path) -> None:
    Advisories.known.clear()
    for options, code in (((), 1), (("--if-reachable",), 0)):
        ran = tool("audit.py", *options, "--osv-url", service, "--lock", lock)
        assert ran.returncode == code
        assert "not done, the vulnerability service cannot be asked here" in ran.stderr


def test_without_a_service_lint_says_so_and_goes_on(lock: Path, unused_tcp_port: int) -> None:
    nowhere = f"http://127.0.0.1:{unused_tcp_port}/v1/query"
    for options, code in (((), 1), (("--if-reachable",), 0)):
        ran = tool("audit.py", *options, "--osv-url", nowhere, "--lock", lock)
        assert ran.returncode == code
        assert "not done, the vulnerability service cannot be asked here" in ran.stderr


@pytest.mark.long
def test_the_list_of_parts_has_what_runs_at_the_versions_of_the_lock() -> None:
    ran = tool("sbom.py")
    assert ran.returncode == 0, ran.stderr
    text = (ROOT / ran.stdout.split(":")[0]).read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bom = json.loads(text)
    assert bom["metadata"]["component"]["name"] == "tapewatch"
    parts = {part["name"].lower().replace("_", "-"): part["version"] for part in bom["components"]}
    asked = {
        re.split(r"[\[<>=!; ]", line)[0].lower().replace("_", "-")
        for line in PROJECT["project"]["dependencies"]
    }
    assert asked <= parts.keys()
    assert {"hiredis", "llvmlite", "certifi"} <= parts.keys(), "what those need counts too"
    assert not {"pytest", "hypothesis", "ruff", "bandit", "mypy", "pip"} & parts.keys()
    pinned = set(re.findall(r"^([\w.-]+)==([^ \\]+)", LOCK, re.MULTILINE))
    assert sorted(parts.items() - pinned) == []
    assert all(part["purl"].startswith("pkg:pypi/") for part in bom["components"])
    refs = {part["bom-ref"] for part in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
    assert {ref for edge in bom["dependencies"] for ref in (edge["ref"], *edge["dependsOn"])} == refs

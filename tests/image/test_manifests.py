"""compose.yml and the Kubernetes manifests: no engine runs here, so they are read, and held against their rules."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from image.building import DOCKERFILE, ROOT
from tapewatch.cli import app

DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yml"
EXAMPLE = DEPLOY / "kubernetes/example"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text())["services"])


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    """What `kubectl apply` would send, by kind."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not here")
    built = subprocess.run(["kubectl", "kustomize", EXAMPLE], capture_output=True, text=True, check=True)
    return {own["kind"]: own for own in yaml.safe_load_all(built.stdout)}


@pytest.fixture(scope="module")
def pod(resources: dict[str, Any]) -> dict[str, Any]:
    return dict(resources["Deployment"]["spec"]["template"]["spec"])


@pytest.mark.parametrize("service", ["daemon", "redis"])
def test_a_service_of_compose_has_no_rights_and_no_open_port(services: dict[str, Any], service: str) -> None:
    own = services[service]
    assert own["read_only"] is True
    assert own["cap_drop"] == ["ALL"]
    assert own["security_opt"] == ["no-new-privileges:true"]
    assert not {"ports", "privileged", "cap_add", "network_mode", "pid"} & own.keys()
    assert own["healthcheck"]["test"]
    assert own["stop_grace_period"] == "30s"


def test_redis_of_compose_keeps_everything_and_reaches_nobody(services: dict[str, Any]) -> None:
    command = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert services["redis"]["networks"] == ["inside"]
    assert yaml.safe_load(COMPOSE.read_text())["networks"]["inside"] == {"internal": True}


def test_compose_asks_for_health_as_the_image_does(services: dict[str, Any]) -> None:
    written = re.search(r"HEALTHCHECK.*?CMD (\[.*?\])$", DOCKERFILE.read_text(), re.MULTILINE | re.DOTALL)
    assert written
    assert services["daemon"]["healthcheck"]["test"] == ["CMD", *json.loads(written[1])]


def test_secrets_are_files_and_each_is_declared(services: dict[str, Any]) -> None:
    declared = yaml.safe_load(COMPOSE.read_text())["secrets"]
    used = {name for own in services.values() for name in own["secrets"]}
    assert used == declared.keys()
    assert {own["file"] for own in declared.values()} == {f"./secrets/{name}" for name in used}
    assert not [own for own in services.values() if "environment" in own]


def test_the_script_makes_secrets_once(tmp_path: Path) -> None:
    script = shutil.copy(DEPLOY / "make-secrets", tmp_path)
    shutil.copytree(DEPLOY / "redis", tmp_path / "redis")
    first = subprocess.run(["sh", script], capture_output=True, text=True, check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    password = re.fullmatch(r"redis://tapewatch:([0-9a-f]{64})@redis:6379/0\n", made["redis.url"])
    assert password
    assert password[1] not in first.stdout + first.stderr + made["users.acl"]
    assert "@DIGEST@" not in made["users.acl"]
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700

    again = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert (tmp_path / "secrets/redis.url").read_text() == made["redis.url"]


def test_the_user_of_redis_may_do_what_the_docs_list() -> None:
    told = re.findall(
        r"^ACL SETUSER tapewatch (.*)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE
    )
    listed = {word for line in told for word in line.split()}
    user = next(line for line in (DEPLOY / "redis/users.acl").read_text().splitlines() if "tapewatch" in line)
    given = set(user.removeprefix("user tapewatch ").split())
    assert given - {"#@DIGEST@"} == listed - {">PASSWORD"}


@pytest.mark.parametrize("folder", [DEPLOY / "compose", EXAMPLE])
def test_the_configs_pass_the_check(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("redis.url", "massive.key", "http.token"):
        (tmp_path / name).write_text("redis://redis:6379/0" if name == "redis.url" else "sesame")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    checked = CliRunner().invoke(app, ["check", str(folder / "config.toml")])
    assert checked.exit_code == 0, checked.output


def test_every_resource_has_the_form_that_kubernetes_wants(resources: dict[str, Any]) -> None:
    schemas = pytest.importorskip("kubernetes_validate")
    for resource in resources.values():
        schemas.validate(resource, schemas.latest_version(), strict=True)


def test_the_pod_keeps_to_the_restricted_standard(pod: dict[str, Any]) -> None:
    """Kubernetes, Pod Security Standards, "restricted"."""
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {kind for volume in pod["volumes"] for kind in volume if kind != "name"} <= {
        *("configMap", "emptyDir", "secret"),
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert pod["automountServiceAccountToken"] is False


def test_the_pod_runs_as_the_image_does(pod: dict[str, Any]) -> None:
    text = DOCKERFILE.read_text()
    user = pod["securityContext"]["runAsUser"]
    assert f"USER {user}:{pod['securityContext']['runAsGroup']}\n" in text
    mounted = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert {"/etc/tapewatch", "/var/lib/tapewatch", "/tmp"} <= mounted


def test_two_pods_stand_by_for_each_other(resources: dict[str, Any]) -> None:
    deployment = resources["Deployment"]["spec"]
    config = next(iter(resources["ConfigMap"]["data"].values()))
    assert deployment["replicas"] == 2
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert re.search(r"^ha = true", config, re.MULTILINE)
    labels = deployment["template"]["metadata"]["labels"]
    assert resources["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert resources["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert deployment["selector"]["matchLabels"] == labels


def test_probes_ask_where_the_config_listens(resources: dict[str, Any], pod: dict[str, Any]) -> None:
    [container] = pod["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": 8790}]
    assert 'listen = "0.0.0.0:8790"' in resources["ConfigMap"]["data"]["config.toml"]
    asked = {name: container[name]["httpGet"]["path"] for name in container if name.endswith("Probe")}
    assert asked == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}


def test_no_example_is_a_real_secret(resources: dict[str, Any]) -> None:
    for example in (EXAMPLE / "secrets").iterdir():
        assert "PUT-" in example.read_text()
    assert resources["Secret"]["data"].keys() == {"redis.url", "massive.key", "http.token"}

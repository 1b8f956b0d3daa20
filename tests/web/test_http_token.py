"""The token of `[http]` comes from the environment or a file of its own, and no error quotes it."""

from pathlib import Path

import pytest

import vital_parts
from tapewatch.config import Config
from tapewatch.problems import ConfigError

NAME = "TAPEWATCH_HTTP_TOKEN"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def config(file: Path | None = None) -> Config:
    return vital_parts.config(http={} if file is None else {"token_file": str(file)})


def test_nobody_set_one() -> None:
    assert config().http_token() is None


def test_the_environment_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text("of-the-file\n")
    assert config(file).http_token() == "of-the-file"
    monkeypatch.setenv(NAME, "of-the-environment")
    assert config(file).http_token() == "of-the-environment"
    assert config().http_token() == "of-the-environment"


def test_systemds_credential_comes_before_the_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("given")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert config(Path("/nobody/may/read/token")).http_token() == "given"


@pytest.mark.parametrize("token", ["two sesames", "sésame", "sesame\nsesame", "="])
def test_a_token_that_no_client_can_send_is_refused_and_not_quoted(
    token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(token, encoding="utf-8")
    with pytest.raises(ConfigError, match="no client can send this token") as wrong:
        config(file).http_token()
    assert "same" not in str(wrong.value)
    assert str(file) in str(wrong.value)
    monkeypatch.setenv(NAME, token)
    with pytest.raises(ConfigError, match=NAME) as wrong:
        config().http_token()
    assert "same" not in str(wrong.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        config(tmp_path / "token").http_token()

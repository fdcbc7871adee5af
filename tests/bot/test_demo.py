"""The demo beside a real desk: it takes nothing of it, and destroys nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli import main
from bot.demo import Demo
from bot.settings import Settings


def _demo(folder: Path) -> Demo:
    return Demo(folder=folder, port=8700, app_port=8080, start=None, by_socket=False)


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = tmp_path / "opsbell.db"
    desk.write_text("the desk's own")
    assert main(["demo", "--folder", str(tmp_path)]) == 1
    assert "--folder" in capsys.readouterr().err
    assert desk.read_text() == "the desk's own"


def test_its_own_folder_and_an_empty_one_are_taken(tmp_path: Path) -> None:
    own, empty = tmp_path / "own", tmp_path / "empty"
    for folder in (own, empty):
        folder.mkdir()
    (own / "made-for.json").touch()
    (own / "opsbell.db").touch()
    for folder in (own, empty, tmp_path / "new"):
        _demo(folder)._own_folder()


def test_it_takes_no_key_and_no_secret_of_an_operators_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = _demo(tmp_path).settings
    api = '{"nordlicht": {"url": "https://shop.example.com", "key": "ck_live", "secret": "cs_live"}}'
    given = {"WOOCOMMERCE_API": api, "EASYPOST_SECRET": "live", "SHOPIFY_SECRETS": '{"nordlicht": "live"}', "KEEP_DAYS": "400"}
    for name, value in given.items():
        monkeypatch.setenv(f"OPSBELL_{name}", value)
    (tmp_path / ".env").write_text("OPSBELL_AFTERSHIP_SECRET=live\n")
    assert Settings().easypost_secret.get_secret_value() == "live", "the desk itself does"
    assert _demo(tmp_path).settings == before

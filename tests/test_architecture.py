"""What holds over the whole tree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("bot", "handlers", "domain", "notifications", "gateways", "storage", "sandbox")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
BANNED_NAMES = {"utils.py", "util.py", "helpers.py", "helper.py", "manager.py", "misc.py", "common.py"}
#: library -> the only places that may import it
LIBRARIES = {
    "slack_bolt": ("handlers/slack", "bot/"),
    "slack_sdk": ("handlers/slack", "notifications/slack", "bot/"),
    "aiogram": ("handlers/telegram", "notifications/telegram", "bot/"),
    "stripe": ("gateways/stripe", "bot/"),
    "apscheduler": ("bot/", "handlers/jobs"),
}
#: calls that make a run unrepeatable; bot/ builds them and hands them in
UNREPEATABLE = re.compile(r"\b(datetime\.now|datetime\.utcnow|time\.time|date\.today|uuid4|random\.|secrets\.|time\.sleep)\b")


def _imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_platform_library_stays_in_its_files(path: Path) -> None:
    place = str(path.relative_to(ROOT))
    for library, allowed in LIBRARIES.items():
        if library in _imports(path):
            assert place.startswith(allowed), f"{place} imports {library}"


def test_clock_and_chance_come_in_as_arguments() -> None:
    for path in FILES:
        place = path.relative_to(ROOT)
        if place.parts[0] in {"bot", "sandbox"}:
            continue
        code = "\n".join(line.split("#")[0] for line in path.read_text().splitlines())
        code = re.sub(r'""".*?"""', "", code, flags=re.DOTALL)
        assert not UNREPEATABLE.search(code), f"{place}: {UNREPEATABLE.search(code)}"


def test_no_file_is_named_after_nothing() -> None:
    assert not [path for path in FILES if path.name in BANNED_NAMES]


def test_no_place_of_a_machine_is_in_a_file() -> None:
    tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True)
    banned = ("/" + "work/", "/tmp" + "/probe", "/tmp" + "/brief")
    for name in tracked.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".png", ".lock"} or not path.is_file():
            continue
        text = path.read_text(errors="replace")
        assert not [word for word in banned if word in text], name


def test_locked_versions_name_no_registry() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"https?://|--index-url|--extra-index|--find-links", path.read_text()), path.name


def test_imports_point_inward() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout

"""References to pages and numbered rules lead somewhere, in all text that is kept in the repository.

``docs/PAGE.md`` is a page, ``docs/PAGE.md#anchor`` a heading of it, and
``semantics 3`` (also ``semantics 3, 4 and 7``, ``semantics 1 to 12``) a section
of docs/semantics.md. Links between pages are the site's own matter.
"""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_HEADING = re.compile(r"^#{1,3} (.+)$", re.MULTILINE)
_PAGE = re.compile(r"(?<![\w./-])docs/([\w./-]+\.md)(?:#([\w-]+))?")
_SEMANTICS = re.compile(r"\bsemantics (\d+(?:(?:, ?| and | to )\d+)*)", re.IGNORECASE)
_BY_NUMBER = re.compile(r"\bcontracts? \d+", re.IGNORECASE)


def faults_of(text: str) -> list[str]:
    """List the references in a text that lead nowhere."""
    found = [match[0] for match in _BY_NUMBER.finditer(text)]
    for match in _PAGE.finditer(text):
        page = ROOT / "docs" / match[1]
        if not page.is_file() or (match[2] and match[2] not in _anchors(page)):
            found.append(match[0])
    found += [
        match[0]
        for match in _SEMANTICS.finditer(text)
        if not {int(number) for number in re.findall(r"\d+", match[1])} <= _rules()
    ]
    return found


def _anchors(page: Path) -> set[str]:
    headings = _HEADING.findall(page.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _rules() -> set[int]:
    headings = _HEADING.findall((ROOT / "docs" / "semantics.md").read_text())
    return {int(match[1]) for heading in headings if (match := re.match(r"(\d+)\. ", heading))}


def _files() -> list[Path]:
    # An unpacked source distribution has no history.
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    if listed.returncode:
        pytest.skip("not a git repository")
    return [ROOT / name for name in listed.stdout.splitlines() if ROOT / name != Path(__file__)]


def test_references_lead_somewhere() -> None:
    faults = {}
    for file in _files():
        try:
            text = file.read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        if found := faults_of(text):
            faults[file.relative_to(ROOT).as_posix()] = found
    assert faults == {}


@pytest.mark.parametrize(
    "text",
    [
        "as contract 3 has it",
        "(docs/contracts/nobody.md)",
        "docs/semantics.md#99-nothing",
        "semantics 3 and 99",
        "Semantics 1 to 99",
    ],
)
def test_a_reference_that_leads_nowhere_is_found(text: str) -> None:
    assert faults_of(text)


@pytest.mark.parametrize(
    "text", ["docs/semantics.md#3-claim", "semantics 1, 2 and 20", "docs/contracts/raws.md"]
)
def test_a_reference_that_leads_somewhere_is_none(text: str) -> None:
    assert not faults_of(text)


def test_rules_are_numbered_without_a_gap() -> None:
    assert _rules() == set(range(1, max(_rules()) + 1))

"""The repository keeps its promises: laws are cited, links resolve, commands in the docs exist, files stay small."""

import json
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
import typer.core
import typer.main

from backend.cli import app

ROOT = Path(__file__).resolve().parents[2]
LINES_MAX = 500
TEXT = {".py", ".vy", ".vyi", ".md", ".toml", ".yml", ".yaml", ".html", ".css", ".js", ".ts", ".tsx", ".sh", ".cfg", ""}
LOCKS = {"uv.lock", "package-lock.json"}
LAW = re.compile(r"\bL(\d{1,2})\b")
LAW_TITLE = re.compile(r"^\*\*L(\d{1,2}) ", re.MULTILINE)
PROVED_IN = re.compile(r"^Proved in: (.+)$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TARGET = re.compile(r"^([a-z][a-z-]*):(.*)$", re.MULTILINE)
COMMAND = re.compile(r"\bsightline ([a-z][a-z-]*)((?: +--?[a-z][a-z-]*(?: +[^\s`|\"-][^\s`|\"]*)?)*)")
# written in pieces so that the pattern does not match itself
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:" + "|".join(("work", "root", "Users", "home/[a-z]+")) + r")/[\w.-]+")


@cache
def files() -> tuple[Path, ...]:
    """What git knows or would take in: everything but ignored files."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    paths = (ROOT / name.decode() for name in listed.stdout.split(b"\0") if name)
    return tuple(sorted(path for path in paths if path.is_file() and path.name not in LOCKS))


def texts() -> list[tuple[str, str]]:
    """(path from the root, content) of every text file."""
    return [(str(path.relative_to(ROOT)), path.read_text()) for path in files() if path.suffix in TEXT]


def read(name: str) -> str:
    return (ROOT / name).read_text()


# --- laws -------------------------------------------------------------------------------------------------------


def laws() -> dict[int, str]:
    """Number to text of every law."""
    page = read("docs/invariants.md")
    starts = [(int(match[1]), match.start()) for match in LAW_TITLE.finditer(page)]
    ends = [start for _, start in starts[1:]] + [len(page)]
    return {number: page[start:end] for (number, start), end in zip(starts, ends, strict=True)}


def citations() -> dict[int, set[str]]:
    """Law number to the test files that cite it."""
    found: dict[int, set[str]] = {}
    for name, text in texts():
        if name.startswith("tests/") and name.endswith(".py") and name != "tests/rules/test_house.py":
            for number in LAW.findall(text):
                found.setdefault(int(number), set()).add(name)
    return found


def test_invariants__numbers__count_up_from_one_without_gaps() -> None:
    assert list(laws()) == list(range(1, len(laws()) + 1))


def test_invariants__law_cited_by_a_test__exists() -> None:
    assert not {number: names for number, names in citations().items() if number not in laws()}


def test_invariants__every_law__is_cited_by_a_test() -> None:
    assert not sorted(laws().keys() - citations().keys())


def test_invariants__files_named_as_proof__cite_the_law() -> None:
    wrong = [
        (number, name)
        for number, text in laws().items()
        for line in PROVED_IN.findall(text)
        for name in re.findall(r"`([^`]+)`", line)
        if f"tests/{name}" not in citations().get(number, set())
    ]
    assert not wrong


def test_invariants__every_law__says_where_it_is_proved() -> None:
    assert not [number for number, text in laws().items() if not PROVED_IN.search(text)]


# --- files ------------------------------------------------------------------------------------------------------


def test_files__outside_tests__have_at_most_500_lines() -> None:
    long = {name: text.count("\n") for name, text in texts() if not name.startswith("tests/")}
    assert not {name: lines for name, lines in long.items() if lines > LINES_MAX}


def test_files__any__name_no_path_of_one_machine() -> None:
    assert not [(name, match) for name, text in texts() for match in MACHINE_PATH.findall(text)]


def test_python_files__any__begin_by_saying_what_they_are_for() -> None:
    silent = [
        name
        for name, text in texts()
        if name.endswith(".py") and text.strip() and not text.lstrip().startswith(('"""', "'''", "#!"))
    ]
    assert not silent


def test_markdown__relative_links__resolve() -> None:
    broken = [
        (name, link)
        for name, text in texts()
        if name.endswith(".md")
        for link in LINK.findall(text)
        if not re.match(r"[a-z]+:|#", link) and not (ROOT / name).parent.joinpath(link.split("#")[0]).exists()
    ]
    assert not broken


# --- commands ---------------------------------------------------------------------------------------------------


def make_targets() -> dict[str, str]:
    """Name to the rest of the line, of every target of the Makefile that people type."""
    return {name: rest for name, rest in TARGET.findall(read("Makefile")) if not rest.startswith("=")}


def command_problem(name: str, options: str) -> str | None:
    """What is wrong with `sightline <name> <options>`, if anything."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    if name not in group.commands:
        return f"sightline has no command {name}"
    known = {option for parameter in group.commands[name].params for option in parameter.opts} | {"--help"}
    unknown = set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", options)) - known
    return f"sightline {name} has no option {sorted(unknown)}" if unknown else None


def test_makefile__every_target__has_a_line_of_help() -> None:
    assert not [name for name, rest in make_targets().items() if "## " not in rest]


def test_makefile__every_target__is_declared_phony() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == set(make_targets())


def test_markdown__make_commands__exist() -> None:
    shown = {
        (name, target)
        for name, text in texts()
        if name.endswith(".md")
        for target in re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, re.MULTILINE)
    }
    assert ("README.md", "demo") in shown
    assert ("README.md", "test") in shown
    assert not [(name, target) for name, target in sorted(shown) if target not in make_targets()]


@pytest.mark.parametrize("where", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile"])
def test_documents__sightline_commands__exist_with_their_options(where: str) -> None:
    shown = COMMAND.findall(read(where))
    assert not [problem for name, options in shown if (problem := command_problem(name, options))]


def test_ci__script__is_what_a_developer_types() -> None:
    commands = [line for line in read(".ci/run").splitlines() if line.startswith("make ")]
    assert commands == ["make check", "make test"]


# --- dependencies -----------------------------------------------------------------------------------------------


def test_dependencies__every_one__says_why() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    lines = read("pyproject.toml").splitlines()
    silent = [
        requirement
        for group in groups
        for requirement in group
        if not any(line.strip().startswith(f'"{requirement}"') and "  #" in line for line in lines)
    ]
    assert not silent


def test_versions__python_and_node_packages__agree() -> None:
    assert tomllib.loads(read("pyproject.toml"))["project"]["version"] == json.loads(read("package.json"))["version"]

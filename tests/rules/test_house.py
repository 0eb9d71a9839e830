"""The repository keeps its promises: laws are cited, links resolve, commands in the docs exist, files stay small."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.core
import typer.main
import yaml
from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

from backend.cli import app
from backend.config import Settings

ROOT = Path(__file__).resolve().parents[2]
LINES_MAX = 500
TEXT = {".py", ".vy", ".vyi", ".md", ".toml", ".yml", ".yaml", ".html", ".css", ".js", ".ts", ".tsx", ".sh", ".cfg", ""}
LOCKS = {"uv.lock", "package-lock.json"}
GENERATED = ("sdk/clients/python/sightline_client/", "sdk/clients/typescript/schema.ts", "docs/api/openapi.json")
LAW = re.compile(r"\bL(\d{1,2})\b")
LAW_TITLE = re.compile(r"^\*\*L(\d{1,2}) ", re.MULTILINE)
PROVED_IN = re.compile(r"^Proved in: (.+)$", re.MULTILINE)
LOCK = re.compile(r"_LOCK = (0x\w+)$", re.MULTILINE)
DO_NOTHING = re.compile(r"on conflict\b([^;]{0,80}?)\bdo nothing", re.IGNORECASE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TARGET = re.compile(r"^([a-z][a-z-]*):(.*)$", re.MULTILINE)
COMMAND = re.compile(r"\bsightline ([a-z][a-z-]*)((?: +--?[a-z][a-z-]*(?: +[^\s`|\"-][^\s`|\"]*)?)*)")
IMPURE = re.compile(r"\.now\(|\.utcnow\(|\.today\(|uuid[14]\(|\bopen\(|\.read_text\(|\.read_bytes\(|\bprint\(")
# written in pieces so that the pattern does not match itself
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:" + "|".join(("work", "root", "Users", "home/[a-z]+")) + r")/[\w.-]+")


@cache
def files() -> tuple[Path, ...]:
    """What git knows or would take in: everything but ignored files."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    paths = (ROOT / name.decode() for name in listed.stdout.split(b"\0") if name)
    return tuple(sorted(path for path in paths if path.is_file() and path.name not in LOCKS))


@cache
def texts() -> list[tuple[str, str]]:
    """(path from the root, content) of every text file that a person wrote."""
    named = ((str(path.relative_to(ROOT)), path) for path in files() if path.suffix in TEXT)
    return [(name, path.read_text()) for name, path in named if not name.startswith(GENERATED)]


def read(name: str) -> str:
    return (ROOT / name).read_text()


# --- laws -------------------------------------------------------------------------------------------------------


def laws() -> dict[int, str]:
    """Number to text of every law."""
    page = read("docs/invariants.md")
    starts = [(int(match[1]), match.start()) for match in LAW_TITLE.finditer(page)]
    ends = [start for _, start in starts[1:]] + [len(page)]
    return {number: page[start:end] for (number, start), end in zip(starts, ends, strict=True)}


@cache
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


def test_locks__of_all_jobs__have_numbers_of_their_own() -> None:
    """Two jobs with the same advisory lock of PostgreSQL would keep each other out."""
    found = [number for name, text in texts() if name.endswith(".py") for number in LOCK.findall(text)]
    assert len(found) > 5
    assert len(found) == len(set(found))


def test_sql__on_conflict_do_nothing__names_no_columns() -> None:
    """Of two writers of one row at once, the second would raise on any other unique constraint of the table."""
    statements = [(name, found) for name, text in texts() if name.endswith(".py") and not name.startswith("tests/")
                  for found in DO_NOTHING.findall(text)]
    assert len(statements) > 10
    assert not {name for name, columns in statements if columns.strip()}


def test_files__any__name_no_path_of_one_machine() -> None:
    assert not [(name, match) for name, text in texts() for match in MACHINE_PATH.findall(text)]


def test_python_files__any__begin_by_saying_what_they_are_for() -> None:
    silent = [
        name
        for name, text in texts()
        if name.endswith(".py") and text.strip() and not text.lstrip().startswith(('"""', "'''", "#!"))
    ]
    assert not silent


def test_rules__any__read_no_clock_and_open_no_file() -> None:
    """What the direction of imports cannot see: `datetime` is allowed in a rule, asking it for the time is not."""
    outside = re.compile(r"backend/(api|jobs|local|demo|db|config\.py|cli\.py|main)|.*/(store|service|client)\.py$")
    rules = [(name, text) for name, text in texts() if name.startswith("backend/") and not outside.match(name)]
    assert len(rules) > 20
    assert not [(name, found) for name, text in rules if name.endswith(".py") for found in IMPURE.findall(text)]


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


def test_documents__sightline_commands__exist_with_their_options() -> None:
    shown = [
        (name, command)
        for name, text in texts()
        if name.endswith(".md") or name == "Makefile"
        for command in COMMAND.findall(text)
    ]
    assert len(shown) > 10
    assert not [(name, problem) for name, command in shown if (problem := command_problem(*command))]


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


# --- containers and workflows -----------------------------------------------------------------------------------

STORES = {"DATABASE_URL", "REDIS_URL", "RPC_URL"}
ONE_SHOT = {"deploy", "migrate"}
KEYS_BY_PLACE = ["DEPLOYER", "OPERATOR", "GUARDIAN", "ATTESTOR-1", "ATTESTOR-2", "ATTESTOR-3", "TREASURY"]


@cache
def compose() -> dict[str, dict[str, Any]]:
    """The services of docker-compose.yml."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(read("docker-compose.yml"))["services"]
    return services


def command_words(service: dict[str, Any]) -> list[str]:
    """The command of a service, split as a shell would."""
    command = service.get("command", [])
    return shlex.split(command) if isinstance(command, str) else [word for part in command for word in part.split(" ")]


def depends_on(name: str) -> set[str]:
    """Everything that a service waits for, directly or not."""
    direct = compose()[name].get("depends_on", {})
    return set(direct).union(*(depends_on(other) for other in direct))


def image_of(service: dict[str, Any]) -> str:
    return str(service["image"])


def test_compose__services__are_the_whole_product() -> None:
    ours = {"anvil", "api", "attestor-1", "attestor-2", "attestor-3", "deploy", "indexer", "migrate", "worker"}
    assert set(compose()) == ours | {"postgres", "redis"}


@pytest.mark.parametrize("name", sorted(compose()))
def test_compose__service__restarts_and_is_checked_or_runs_once(name: str) -> None:
    service = compose()[name]
    if name in ONE_SHOT:
        assert service["restart"] == "no"
        assert "healthcheck" not in service
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", sorted(compose()))
def test_compose__service__waits_until_what_it_needs_is_ready(name: str) -> None:
    for other, wish in compose()[name].get("depends_on", {}).items():
        assert wish["condition"] == ("service_completed_successfully" if other in ONE_SHOT else "service_healthy")
    stores = {"DATABASE_URL": "postgres", "REDIS_URL": "redis", "RPC_URL": "anvil"}
    needed = {store for variable, store in stores.items() if variable in compose()[name].get("environment", {})}
    if name in {"indexer", "migrate"}:  # they read no events
        needed -= {"redis"}
    assert needed <= depends_on(name)
    if name not in {"postgres", "redis", "anvil", "deploy"}:
        assert "deploy" in depends_on(name)


@pytest.mark.parametrize("name", sorted(compose()))
def test_compose__command__is_one_of_ours_with_its_options(name: str) -> None:
    words = command_words(compose()[name])
    if "sightline" in words:
        rest = words[words.index("sightline") + 1 :]
        assert command_problem(rest[0], " " + " ".join(rest[1:])) is None
    if "ape" in words:
        rest = words[words.index("ape") + 1 :]
        assert (ROOT / "scripts" / f"{rest[1]}.py").is_file()
        known = set(re.findall(r'"(--[a-z-]+)"', read(f"scripts/{rest[1]}.py"))) | {"--network"}
        assert {word for word in rest if word.startswith("--")} <= known


@pytest.mark.parametrize("name", sorted(compose()))
def test_compose__environment__names_settings_that_exist(name: str) -> None:
    service = compose()[name]
    variables = set(service.get("environment", {}))
    if name == "deploy":
        known = set(re.findall(r'envvar="([A-Z_]+)"|environ\.get\("([A-Z_]+)"', read("scripts/deploy.py")))
        assert variables <= {variable for pair in known for variable in pair if variable}
    elif name != "postgres":
        assert variables - STORES <= {f"SIGHTLINE_{field.upper()}" for field in Settings.model_fields}


def test_compose__attestors__are_given_no_store_of_the_operator_and_three_keys() -> None:
    attestors = [compose()[f"attestor-{place}"]["environment"] for place in (1, 2, 3)]
    assert len({environment["SIGHTLINE_ATTESTOR_KEY"] for environment in attestors}) == 3
    assert not [environment for environment in attestors if environment.keys() & {"DATABASE_URL", "REDIS_URL"}]


def test_compose__keys_and_roles__come_from_the_phrase_of_its_own_chain() -> None:
    """So nobody mistakes them for secrets, and the roles on chain are the processes that hold the keys."""
    phrase = next(word for word in compose()["anvil"]["command"] if word.startswith("--mnemonic=")).partition("=")[2]
    seed = seed_from_mnemonic(phrase, passphrase="")
    keys = {who: key_from_seed(seed, f"m/44'/60'/0'/0/{place}") for place, who in enumerate(KEYS_BY_PLACE)}
    roles = {who: Account.from_key(key).address for who, key in keys.items()}
    deploy = compose()["deploy"]["environment"]
    assert deploy["DEPLOYER_KEY"] == keys["DEPLOYER"].hex()
    assert compose()["worker"]["environment"]["SIGHTLINE_OPERATOR_KEY"] == keys["OPERATOR"].hex()
    for place in (1, 2, 3):
        key = compose()[f"attestor-{place}"]["environment"]["SIGHTLINE_ATTESTOR_KEY"]
        assert key == keys[f"ATTESTOR-{place}"].hex()
    assert deploy["ESCROW_ATTESTORS"] == ",".join(roles[f"ATTESTOR-{place}"] for place in (1, 2, 3))
    for role in ("OPERATOR", "GUARDIAN", "TREASURY"):
        assert deploy[f"ESCROW_{role}"] == roles[role]


def test_compose__redis__syncs_every_write() -> None:
    words = command_words(compose()["redis"])
    assert words[words.index("--appendonly") + 1] == "yes"
    assert words[words.index("--appendfsync") + 1] == "always"


def test_compose__ports__are_open_to_this_machine_only() -> None:
    assert all(
        str(port).startswith("127.0.0.1:") for service in compose().values() for port in service.get("ports", [])
    )


def test_compose__volumes__are_declared_and_used() -> None:
    declared = set(yaml.safe_load(read("docker-compose.yml"))["volumes"])
    used = {volume.split(":")[0] for service in compose().values() for volume in service.get("volumes", [])}
    assert used == declared


def test_images__from_elsewhere__are_pinned_to_a_version() -> None:
    stages = {name for _, name in re.findall(r"^FROM (\S+) AS (\S+)$", read("Dockerfile"), re.MULTILINE)}
    foreign = {image for image in re.findall(r"^FROM (\S+)", read("Dockerfile"), re.MULTILINE) if image not in stages}
    foreign |= {image_of(service) for service in compose().values() if "build" not in service}
    assert foreign
    assert not [image for image in foreign if not re.fullmatch(r"[a-z/.]+:\d+[\w.-]*", image)]
    targets = {service["build"]["target"] for service in compose().values() if "build" in service}
    assert targets <= stages


def test_dockerfile__copied_paths__exist_and_are_not_ignored() -> None:
    copied = [
        path
        for words in re.findall(r"^COPY (?!--from)(.+)$", read("Dockerfile"), re.MULTILINE)
        for path in words.split()[:-1]
    ]
    allowed = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
    assert copied
    assert not [path for path in copied if not (ROOT / path).exists() or path.split("/")[0] not in allowed]


def test_dockerfile__runtime__is_not_root_and_pins_what_the_makefile_pins() -> None:
    text = read("Dockerfile")
    runtime = text[text.index("AS runtime\n") :]
    assert "USER 10001" in runtime
    assert "HEALTHCHECK" in runtime
    version = re.search(r"^UV_VERSION := (\S+)$", read("Makefile"), re.MULTILINE)
    assert version is not None
    assert f"ARG UV_VERSION={version[1]}" in text
    assert "python scripts/kernel.py" in text, "what `make setup` compiles, an image has too"
    assert "**/*.so" in read(".dockerignore"), "what was compiled here is for this machine"


def test_workflow__ci__runs_the_script_with_least_permissions_and_pinned_actions() -> None:
    workflow = yaml.safe_load(read(".github/workflows/ci.yml"))
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]) for step in job["steps"] if "uses" in step)


def test_serve__imported__has_no_web3_in_memory() -> None:
    """13 MB of each worker, for one question that few attestors ask; whoever asks it loads it."""
    code = "import sys, backend.main.serve; sys.exit('web3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0

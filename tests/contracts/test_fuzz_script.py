"""`python -m scripts.fuzz` finds a planted fault, keeps it, tells how to see it again, and ends in time."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

from scripts.fuzz import Campaign, Round, reproduction

ROOT = Path(__file__).resolve().parents[2]
# What tests/conftest.py does for targets of the project.
PROFILE = """
import os
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

settings.register_profile(
    "fuzz",
    deadline=None,
    derandomize=False,
    max_examples=int(os.environ["FUZZ_EXAMPLES"]) if "FUZZ_EXAMPLES" in os.environ else 1,
    database=DirectoryBasedExampleDatabase(os.environ.get("FUZZ_DATABASE", "unused")),
)
settings.load_profile("fuzz")
"""
TARGET = """
from hypothesis import given, strategies as st


@given(st.integers(0, 1000))
def test_property_number__any__is_small(number):
    assert number < {bound}
"""


def plant(folder: Path, bound: int) -> Path:
    (folder / "conftest.py").write_text(PROFILE)
    target = folder / "test_planted.py"
    target.write_text(TARGET.format(bound=bound))
    return target


# The planted targets are no contracts, and the plugin for those takes longer to import than all else here.
WITHOUT_CONTRACTS = {"PYTEST_ADDOPTS": "-p no:boa_test"}


def fuzz(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "scripts.fuzz", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=os.environ | WITHOUT_CONTRACTS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )


def log_of(results: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (results / "log.jsonl").read_text().splitlines()]


def test_fuzz__planted_fault__is_found_saved_and_told_how_to_repeat(tmp_path: Path) -> None:
    # The first round has 20 examples and prefers small numbers: above 700 there is none in one of 25 rounds.
    target, results = plant(tmp_path, bound=100), tmp_path / "results"
    process = fuzz(str(target), "--seconds", "2", "--folder", str(results))
    output, _ = process.communicate(timeout=400)
    assert process.returncode == 1
    first = log_of(results)[0]
    assert (first["result"], first["finding"]) == ("finding", 1)
    assert "number=100" in (results / "findings" / "1.txt").read_text()
    assert any(path.is_file() for path in (results / "findings" / "1.examples").rglob("*"))
    again = re.search(r"^  (HYPOTHESIS_PROFILE=fuzz .+) python (-m pytest .+)$", output, re.MULTILINE)
    assert again is not None
    told = dict(variable.split("=", 1) for variable in again[1].split(" "))
    assert told["FUZZ_SEED"] == str(first["seed"])
    repeated = pytest_again(again[2].split(" "), told)
    assert repeated.returncode == 1
    assert "number=100" in repeated.stdout


def pytest_again(arguments: list[str], told: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *arguments, "-c", str(ROOT / "pyproject.toml")]
    env = os.environ | WITHOUT_CONTRACTS | told
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=400)


def test_fuzz_seed__same_and_other__draws_the_same_and_other_examples(tmp_path: Path) -> None:
    target = plant(tmp_path, bound=1001)
    target.write_text(target.read_text().replace("    assert", "    print('drawn', number)\n    assert"))

    def drawn(seed: int) -> list[str]:
        arguments = ["-m", "pytest", "-s", "-p", "scripts.testing.fuzz_seed", str(target)]
        told = {"FUZZ_SEED": str(seed), "FUZZ_EXAMPLES": "30", "FUZZ_DATABASE": str(tmp_path / "none")}
        return re.findall(r"drawn (\d+)", pytest_again(arguments, told).stdout)

    once = drawn(1)
    assert len(once) == 30
    assert drawn(1) == once
    assert drawn(2) != once


def test_fuzz__sound_target__ends_in_time_with_zero(tmp_path: Path) -> None:
    target, results = plant(tmp_path, bound=1001), tmp_path / "results"
    process = fuzz(str(target), "--seconds", "3", "--round-seconds", "1", "--folder", str(results))
    output, _ = process.communicate(timeout=400)
    assert process.returncode == 0, output
    rounds = log_of(results)
    assert {one["result"] for one in rounds} <= {"passed", "stopped"}
    assert rounds[0]["examples"] == 20
    assert f"{len(rounds)} rounds" in output


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_fuzz__target_that_does_not_exist__ends_with_two(tmp_path: Path) -> None:
    process = fuzz("tests/contracts/test_nothing.py", "--folder", str(tmp_path / "results"))
    output, _ = process.communicate(timeout=400)
    assert process.returncode == 2
    assert "pytest collects nothing from tests/contracts/test_nothing.py" in output
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("option", [("--seconds", "0"), ("--workers", "none")])
def test_fuzz__bad_option__is_refused_before_anything_runs(tmp_path: Path, option: tuple[str, str]) -> None:
    process = fuzz(*option, "--folder", str(tmp_path / "results"))
    output, _ = process.communicate(timeout=400)
    assert process.returncode == 2
    assert option[0] in output
    assert not (tmp_path / "results").exists()


def test_reproduction__target_with_a_parameter__is_quoted_for_the_shell(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, deadline=0, round_seconds=1)
    command = reproduction(campaign, Round(1, "tests/test_x.py::test_y[1]", 5, 7, "finding", finding=3))
    assert "FUZZ_EXAMPLES=7 " in command
    assert "FUZZ_SEED=5 " in command
    assert command.endswith("python -m pytest -p scripts.testing.fuzz_seed 'tests/test_x.py::test_y[1]'")


def test_profile__fuzz__saves_what_fails_and_shrinks() -> None:
    profile = settings.get_profile("fuzz")
    assert isinstance(profile.database, DirectoryBasedExampleDatabase)
    assert profile.print_blob
    assert not profile.derandomize
    assert profile.max_examples == int(os.environ.get("FUZZ_EXAMPLES", "1000"))

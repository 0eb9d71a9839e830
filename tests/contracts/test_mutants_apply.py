"""The faults of `python -m scripts.mutants` fit the contracts as they are."""

from pathlib import Path

import pytest

from scripts.mutants import CONTRACTS, NO_JUDGE, ROOT, SUITE, TESTS, DoesNotFit, Mutant, load_mutants, mutate, table

MUTANTS = load_mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant__line__is_there_once_and_changes(mutant: Mutant) -> None:
    source = (CONTRACTS / mutant.file).read_text()
    changed = mutate(source, mutant)
    lines = list(zip(source.splitlines(), changed.splitlines(), strict=True))
    assert [after.strip() for before, after in lines if before != after] == [mutant.after]


def test_mutants__names__are_unique_and_many() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 130


def test_mutants__test_files__exist() -> None:
    names = {name for mutant in MUTANTS for name in mutant.tests}
    assert names <= set(SUITE)
    assert all(Path(TESTS / f"test_{name}.py").is_file() for name in SUITE)


def test_mutants__test_that_is_no_judge__exists() -> None:
    file, name = NO_JUDGE.split("::")
    assert f"def {name}(" in (ROOT / file).read_text()


def test_mutants__page__has_the_table_of_this_data() -> None:
    assert f"\n{table(MUTANTS)}\n" in (ROOT / "docs" / "mutants.md").read_text(), (
        "put the output of `python -m scripts.mutants --table` into docs/mutants.md"
    )


@pytest.mark.parametrize("source", ["a = 2\n", "a = 1\na = 1\n"])
def test_mutate__line_missing_or_twice__is_refused(source: str) -> None:
    mutant = Mutant("name", "file.vy", "a = 1", "a = 3", "nothing", "", ("payout",))
    with pytest.raises(DoesNotFit, match=r"file\.vy has [02] lines"):
        mutate(source, mutant)

"""Random calldata, callers, times and gas at every external function: whatever succeeds keeps the laws.

Covers L1, L2, L3, L4, L5, L7, L8, L9, L10, L11, L12, L13, L14, L15, L16, L17, L18, L21, L22 and, for what reverts, L45.
What is checked after each call is in `escrow_kit/laws.py`; where the calls start, in `escrow_kit/scenes.py`.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import boa
import pytest
from escrow_kit.authority import AUTHORITY, MOVES_TOKENS, anyone
from escrow_kit.dice import Dice
from escrow_kit.honest_calls import HONEST, honest_call
from escrow_kit.random_calls import next_call
from escrow_kit.scenes import SCENES, fresh
from escrow_kit.stage import Call, Stage
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

FUZZING = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
EXAMPLES = settings.default.max_examples if FUZZING else 50
# Shrinking takes minutes; `make fuzz` has them.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate] + ([Phase.shrink] if FUZZING else [])
RECORD = st.binary(min_size=40, max_size=40)


@cache
def stage_at(scene: int) -> tuple[Stage, int]:
    """A scene, built once, and its time."""
    stage = SCENES[scene]()
    return stage, stage.now


@pytest.fixture(scope="module", autouse=True)
def _scenes_stand_before_anything_is_undone() -> None:
    for scene in range(len(SCENES)):
        stage_at(scene)


@contextmanager
def standing_at(scene: int) -> Iterator[Stage]:
    """A scene that is left as it was found."""
    stage, now = stage_at(scene)
    kept, answers = stage.memory, stage.reader.answers.copy()
    stage.memory = kept.copy()
    try:
        with boa.env.anchor():
            boa.env.evm.patch.timestamp = now
            yield stage
    finally:
        stage.memory, stage.reader.answers = kept, answers


def play(scene: int, records: list[bytes], log: Counter[str] | None = None) -> None:
    """Makes the calls that the records stand for."""
    with standing_at(scene) as stage:
        for record in records:
            call = next_call(stage, Dice(record))
            if call is not None:
                _make(stage, call, log)
        stage.check_at_rest()


def _make(stage: Stage, call: Call, log: Counter[str] | None) -> None:
    function = stage.by_selector.get((call.contract, call.data[:4]))
    name = f"{call.contract}.{function.name if function else call.data[:4].hex()}"
    note(f"{stage.now} {call.sender:#042x} {name} value={call.value} gas={call.gas} {call.data.hex()}")
    reason = stage.send(call)
    note(f"    {reason or 'succeeds'}")
    if log is not None:
        log[name, reason] += 1  # type: ignore[index]


@settings(
    max_examples=EXAMPLES,
    phases=PHASES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(scene=st.integers(0, len(SCENES) - 1), records=st.lists(RECORD, min_size=12, max_size=60))
def test_property_calldata__any_call_from_anybody__keeps_the_laws(scene: int, records: list[bytes]) -> None:
    play(scene, records)


@pytest.mark.parametrize("scene", range(len(SCENES)), ids=[scene.__name__ for scene in SCENES])
def test_honest_calls__by_everybody_and_too_early__keep_the_laws(scene: int) -> None:
    """The same in a row: every call that fits a scene, in time and too early, by whoever may and by whoever may not."""
    outcomes: Counter[bool] = Counter()
    everybody = stage_at(scene)[0].people[:8]
    for name in HONEST:
        senders = [None] if AUTHORITY[name] is anyone else [None, *everybody]
        for place, sender in enumerate(senders):
            for waits in (False, True):
                with standing_at(scene) as stage:
                    dice = Dice(bytes((51 * place + 17 * at + 3) % 256 for at in range(40)))
                    outcomes[stage.send(honest_call(stage, dice, name, waits, sender)) is None] += 1
    assert outcomes[True] > 10
    assert outcomes[False] > 100


def test_authority_table__every_function_that_writes__has_a_row() -> None:
    writing = {(function.contract, function.name) for function in fresh().functions if not function.reads}
    assert writing == set(AUTHORITY)
    assert writing >= MOVES_TOKENS

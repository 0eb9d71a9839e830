"""Every build answers every call alike, so a fault of the compiler would have to be the same one in all of them.

The calls come from the generator of random calldata and start from all its scenes. They are made up on the shipped
build and sent to each build on an equal chain; answers, logs and storage may not differ (L16).
"""

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import boa
import pytest
from escrow_kit.builds import BUILDS, RUNTIME_BYTES_MAX, SHIPPED, UNOPTIMISED_BYTES_MAX
from escrow_kit.dice import Dice
from escrow_kit.encoding import encode
from escrow_kit.laws import GAS_MAX
from escrow_kit.pair import CONTRACTS, deploy_pair, payout_code, source
from escrow_kit.random_calls import argument, next_call
from escrow_kit.scenes import SCENES
from escrow_kit.stage import Call, Function, Stage, address, written_words
from vyper.compiler.settings import OptimizationLevel

START = 2_000_000_000
CALLS = 60
ROUNDS_MAX = 20
ROUNDS_MIN = 10 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 1
PAYOUT_ARGUMENT_MAX = 24_576  # what the escrow's constructor takes as the payout contract's creation code
INITCODE_MAX = 49_152  # EIP-3860
# Only the escrow may call it, from within `finalize` and `roll`: every direct call is refused.
INNER = ("payout", "set_root")
OTHERS = [build for build in BUILDS if build != SHIPPED]

Place = tuple[int, int]
Outcome = tuple[str, str, bool]


@dataclass(frozen=True)
class Answer:
    """What a caller and everybody else can see of a call."""

    failure: str
    output: bytes
    logs: tuple[tuple[bytes, tuple[int, ...], bytes], ...]


@dataclass(frozen=True)
class Tape:
    """Calls as they were made from a scene, each with its time."""

    scene: int
    calls: tuple[tuple[int, Call], ...]


@dataclass(frozen=True)
class Replay:
    """What a build made of a tape: an answer for each call, and every word of storage that is not zero afterwards."""

    answers: list[Answer]
    storage: dict[Place, int]


@contextmanager
def scene_of(build: str, scene: int) -> Iterator[Stage]:
    """The scene on a chain that is the same for each build, down to times and addresses; nothing of it stays."""
    traced, boa.env.sstore_trace = boa.env.sstore_trace, {}
    try:
        with pytest.MonkeyPatch.context() as patch, boa.env.anchor():
            patch.setenv("SIGHTLINE_VYPER_BUILD", build)
            boa.env.evm.patch.timestamp = START
            yield SCENES[scene]()
    finally:
        boa.env.sstore_trace = traced


def record(scene: int, seed: int) -> Tape:
    """Calls that fit the states they meet, spoiled ones and nonsense; then every getter, asked three times."""
    chance = random.Random(f"{scene} {seed}")
    with scene_of(SHIPPED, scene) as stage:
        calls = list(made_up(stage, chance))
        calls += [(stage.now, question(stage, getter, chance)) for getter in stage.functions * 3 if getter.reads]
    return Tape(scene, tuple(calls))


def made_up(stage: Stage, chance: random.Random) -> Iterator[tuple[int, Call]]:
    """Random calls as they are sent; at last every open request for a withdrawal is taken back."""
    for _ in range(CALLS):
        call = next_call(stage, Dice(chance.randbytes(40)))
        if call is not None:
            # Builds use different amounts of gas, so how far too little of it gets is no question to ask.
            call = replace(call, gas=GAS_MAX)
            yield stage.now, call
            stage.send(call)
    (cancel,) = (one for one in stage.functions if one.name == "cancel_withdrawal")
    for campaign, budget in enumerate(stage.memory.view.campaigns):
        if budget.reserved:
            call = Call(cancel.contract, cancel.selector + encode(cancel.types, [campaign]), budget.owner)
            yield stage.now, call
            stage.send(call)


def question(stage: Stage, getter: Function, chance: random.Random) -> Call:
    dice = Dice(chance.randbytes(200))
    values = [argument(stage, dice, kind) for kind in getter.types]
    return Call(getter.contract, getter.selector + encode(getter.types, values), stage.people[0])


def answer(stage: Stage, moment: int, call: Call) -> Answer:
    boa.env.evm.patch.timestamp = moment
    if call.value:
        boa.env.set_balance(address(call.sender), call.value)
    done = boa.env.execute_code(
        to_address=stage.contracts[call.contract].address,
        sender=address(call.sender),
        data=call.data,
        value=call.value,
        gas=call.gas,
    )
    logs = tuple((where, tuple(topics), data) for _, where, topics, data in sorted(done.get_raw_log_entries()))
    return Answer(type(done.error).__name__ if done.is_error else "", bytes(done.output), logs)


def replay(build: str, tape: Tape) -> Replay:
    with scene_of(build, tape.scene) as stage:
        answers = [answer(stage, moment, call) for moment, call in tape.calls]
        places = stage.memory.slots.keys() | written_words().keys()
        storage = {(where, slot): boa.env.get_storage(address(where), slot) for where, slot in places}
    return Replay(answers, {place: value for place, value in storage.items() if value})


def outcomes(played: Sequence[tuple[Tape, Replay]], functions: dict[tuple[str, bytes], Function]) -> set[Outcome]:
    """(contract, function, whether it succeeded) of all calls that reach a function."""
    found = set()
    for tape, replayed in played:
        for (_, call), given in zip(tape.calls, replayed.answers, strict=True):
            function = functions.get((call.contract, call.data[:4]))
            if function is not None:
                found.add((function.contract, function.name, not given.failure))
    return found


@pytest.fixture(scope="module")
def functions() -> dict[tuple[str, bytes], Function]:
    with scene_of(SHIPPED, 0) as stage:
        return stage.by_selector


@pytest.fixture(scope="module")
def wanted(functions: dict[tuple[str, bytes], Function]) -> set[Outcome]:
    """Each function succeeds at least once, and each that writes is refused at least once."""
    names = {(function.contract, function.name): function.reads for function in functions.values()}
    return {(*name, True) for name in names if name != INNER} | {(*name, False) for name in names if not names[name]}


@pytest.fixture(scope="module")
def played(functions: dict[tuple[str, bytes], Function], wanted: set[Outcome]) -> list[tuple[Tape, Replay]]:
    """Tapes from all scenes and the shipped build's answers; more of them while an outcome is missing."""
    found: list[tuple[Tape, Replay]] = []
    for seed in range(ROUNDS_MAX):
        for scene in range(len(SCENES)):
            tape = record(scene, seed)
            found.append((tape, replay(SHIPPED, tape)))
        if seed + 1 >= ROUNDS_MIN and outcomes(found, functions) >= wanted:
            break
    return found


def test_tapes__all_scenes__reach_every_function_both_ways(
    played: list[tuple[Tape, Replay]], functions: dict[tuple[str, bytes], Function], wanted: set[Outcome]
) -> None:
    assert wanted - outcomes(played, functions) == set()
    assert sum(len(tape.calls) for tape, _ in played) > 1_000


@pytest.mark.parametrize("build", OTHERS)
def test_builds__every_recorded_call__answers_logs_and_storage_are_those_of_the_shipped_one(
    played: list[tuple[Tape, Replay]], build: str
) -> None:
    for tape, shipped in played:
        other = replay(build, tape)
        for (moment, call), ours, theirs in zip(tape.calls, shipped.answers, other.answers, strict=True):
            assert ours == theirs, (tape.scene, moment, call)
        assert shipped.storage == other.storage, tape.scene
        assert len(shipped.storage) > 50


def test_shipped_build__is_what_the_compiler_makes_for_little_gas() -> None:
    for name in ("CampaignEscrow.vy", "PublisherPayout.vy"):
        explicit = boa.load_partial(str(CONTRACTS / name), compiler_args={"optimize": OptimizationLevel.GAS})
        assert source(name, SHIPPED).compiler_data.bytecode == explicit.compiler_data.bytecode


def test_builds__each__is_another_code() -> None:
    codes = {source(name, build).compiler_data.bytecode for name in ("CampaignEscrow.vy",) for build in BUILDS}
    assert len(codes) == len({payout_code(build) for build in BUILDS}) == len(BUILDS)


@pytest.mark.parametrize("build", BUILDS)
def test_sizes__each_build__is_deployable_but_the_unoptimised_escrow(build: str) -> None:
    """L22"""
    with boa.env.anchor():
        pair = deploy_pair(build=build)
        escrow, payout = (len(boa.env.get_code(contract.address)) for contract in (pair.escrow, pair.payout))
    assert payout <= RUNTIME_BYTES_MAX
    assert escrow <= (UNOPTIMISED_BYTES_MAX if build == "none" else RUNTIME_BYTES_MAX)
    assert len(payout_code(build)) <= PAYOUT_ARGUMENT_MAX
    assert len(source("CampaignEscrow.vy", build).compiler_data.bytecode) + len(payout_code(build)) < INITCODE_MAX

"""Every build answers every call alike, so a fault of the compiler would have to be the same one in all of them.

The calls come from the generator of random calldata and start from all its scenes. They are made up on the shipped
build and sent to each build on an equal chain; answers, logs and storage may not differ (L16).
"""

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import boa
import pytest
from escrow_kit.builds import BUILDS, RUNTIME_BYTES_MAX, SHIPPED, UNOPTIMISED_BYTES_MAX
from escrow_kit.dice import Dice
from escrow_kit.encoding import encode
from escrow_kit.honest_calls import honest_call
from escrow_kit.laws import GAS_MAX
from escrow_kit.pair import CONTRACTS, deploy_pair, payout_code, source
from escrow_kit.random_calls import argument, next_call
from escrow_kit.scenes import SCENES
from escrow_kit.stage import Call, Function, Stage, address, written_words
from vyper.compiler.settings import OptimizationLevel

START = 2_000_000_000
CALLS = 60
ROUNDS_MAX = 20
# Rounds at least, and how often every getter is asked in each.
ROUNDS_MIN, QUESTIONS = (10, 5) if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else (1, 2)
PAYOUT_ARGUMENT_MAX = 24_576  # what the escrow's constructor takes as the payout contract's creation code
INITCODE_MAX = 49_152  # EIP-3860
# Only the escrow may call it, from within `finalize` and `roll`: every direct call is refused.
INNER = ("payout", "set_root")
# Random calls seldom meet the state that these need; some scenes are that state.
RIGHT = (("escrow", "unpause"), ("payout", "unpause"), ("escrow", "cancel_config"))
OTHERS = [build for build in BUILDS if build != SHIPPED]

Place = tuple[int, int]
Outcome = tuple[str, str, bool]
Functions = dict[tuple[str, bytes], Function]


@dataclass(frozen=True)
class Sent:
    """A call as it went to the chain, and whether it was refused there."""

    moment: int
    to: str
    sender: str
    data: bytes
    value: int
    failed: bool


@dataclass(frozen=True)
class Answer:
    """What a caller and everybody else can see of a call."""

    failure: str
    output: bytes
    logs: tuple[tuple[bytes, tuple[int, ...], bytes], ...]


@dataclass(frozen=True)
class Replay:
    """What a build made of a tape: an answer for each call, and every word of storage that is not zero afterwards."""

    answers: list[Answer]
    storage: dict[Place, int]


@contextmanager
def chain(build: str) -> Iterator[None]:
    """A chain that is the same for each build, down to times and addresses; nothing of it stays."""
    traced, boa.env.sstore_trace = boa.env.sstore_trace, {}
    try:
        with pytest.MonkeyPatch.context() as patch, boa.env.anchor():
            patch.setenv("SIGHTLINE_VYPER_BUILD", build)
            boa.env.evm.patch.timestamp = START
            yield
    finally:
        boa.env.sstore_trace = traced


@contextmanager
def recording() -> Iterator[list[Sent]]:
    """Every call that names its sender; a stage asks its getters and mints its first money without."""
    tape: list[Sent] = []
    execute = boa.env.execute_code

    def noted(**call: Any) -> Any:
        done = execute(**call)
        if call.get("sender") is not None:
            to, sender, value = str(call["to_address"]), str(call["sender"]), call.get("value", 0)
            tape.append(Sent(boa.env.timestamp, to, sender, call["data"], value, done.is_error))
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boa.env, "execute_code", noted)
        yield tape


def record(scene: int, seed: int) -> list[Sent]:
    """What leads to the scene; calls that fit the states they meet, spoiled ones and nonsense; then every getter."""
    chance = random.Random(f"{scene} {seed}")
    with chain(SHIPPED), recording() as tape:
        stage = SCENES[scene]()
        for name in RIGHT:
            stage.send(honest_call(stage, Dice(chance.randbytes(40)), name, waits=True, sender=None))
        send_random(stage, chance)
        for getter in stage.functions * QUESTIONS:
            if getter.reads:
                stage.send(question(stage, getter, chance))
    return tape


def send_random(stage: Stage, chance: random.Random) -> None:
    """Random calls; at last every open request for a withdrawal is taken back."""
    for _ in range(CALLS):
        call = next_call(stage, Dice(chance.randbytes(40)))
        if call is not None:
            # Builds use different amounts of gas, so how far too little of it gets is no question to ask.
            stage.send(replace(call, gas=GAS_MAX))
    (cancel,) = (one for one in stage.functions if one.name == "cancel_withdrawal")
    for campaign, budget in enumerate(stage.memory.view.campaigns):
        if budget.reserved:
            stage.send(Call(cancel.contract, cancel.selector + encode(cancel.types, [campaign]), budget.owner))


def question(stage: Stage, getter: Function, chance: random.Random) -> Call:
    dice = Dice(chance.randbytes(200))
    values = [argument(stage, dice, kind) for kind in getter.types]
    return Call(getter.contract, getter.selector + encode(getter.types, values), stage.people[0])


def answer(sent: Sent) -> Answer:
    boa.env.evm.patch.timestamp = sent.moment
    if sent.value:
        boa.env.set_balance(sent.sender, sent.value)
    done = boa.env.execute_code(to_address=sent.to, sender=sent.sender, data=sent.data, value=sent.value, gas=GAS_MAX)
    logs = tuple((where, tuple(topics), data) for _, where, topics, data in sorted(done.get_raw_log_entries()))
    return Answer(type(done.error).__name__ if done.is_error else "", bytes(done.output), logs)


def replay(stage: Stage, tape: Sequence[Sent]) -> Replay:
    """The tape from a fresh stage on, which is left as it was found."""
    boa.env.sstore_trace = {}
    with boa.env.anchor():
        answers = [answer(sent) for sent in tape]
        places = stage.memory.slots.keys() | written_words().keys()
        storage = {(where, slot): boa.env.get_storage(address(where), slot) for where, slot in places}
    return Replay(answers, {place: value for place, value in storage.items() if value})


def replays(build: str, tapes: Sequence[Sequence[Sent]]) -> list[Replay]:
    with chain(build):
        stage = Stage()
        return [replay(stage, tape) for tape in tapes]


def outcomes(tapes: Sequence[Sequence[Sent]], functions: Functions) -> set[Outcome]:
    """(contract, function, whether it succeeded) of all calls that reach a function."""
    found = set()
    for tape in tapes:
        for sent in tape:
            function = functions.get((sent.to, sent.data[:4]))
            if function is not None:
                found.add((function.contract, function.name, not sent.failed))
    return found


@pytest.fixture(scope="module")
def functions() -> Functions:
    """External functions by address and selector; the addresses are those of every recorded chain."""
    with chain(SHIPPED):
        stage = Stage()
        return {(str(stage.contracts[one.contract].address), one.selector): one for one in stage.functions}


@pytest.fixture(scope="module")
def wanted(functions: Functions) -> set[Outcome]:
    """Each function succeeds at least once, and each that writes is refused at least once."""
    names = {(function.contract, function.name): function.reads for function in functions.values()}
    return {(*name, True) for name in names if name != INNER} | {(*name, False) for name in names if not names[name]}


@pytest.fixture(scope="module")
def tapes(functions: Functions, wanted: set[Outcome]) -> list[list[Sent]]:
    """Calls from all scenes; more of them while an outcome is missing."""
    found: list[list[Sent]] = []
    for seed in range(ROUNDS_MAX):
        found += [record(scene, seed) for scene in range(len(SCENES))]
        if seed + 1 >= ROUNDS_MIN and outcomes(found, functions) >= wanted:
            break
    return found


@pytest.fixture(scope="module")
def shipped(tapes: list[list[Sent]]) -> list[Replay]:
    return replays(SHIPPED, tapes)


def test_tapes__all_scenes__reach_every_function_both_ways(
    tapes: list[list[Sent]], shipped: list[Replay], functions: Functions, wanted: set[Outcome]
) -> None:
    assert wanted - outcomes(tapes, functions) == set()
    assert sum(len(tape) for tape in tapes) > 1_000
    for tape, replayed in zip(tapes, shipped, strict=True):
        assert [sent.failed for sent in tape] == [given.failure != "" for given in replayed.answers]


@pytest.mark.parametrize("build", OTHERS)
def test_builds__every_recorded_call__answers_logs_and_storage_are_those_of_the_shipped_one(
    tapes: list[list[Sent]], shipped: list[Replay], build: str
) -> None:
    for tape, ours, theirs in zip(tapes, shipped, replays(build, tapes), strict=True):
        for sent, our_answer, their_answer in zip(tape, ours.answers, theirs.answers, strict=True):
            assert our_answer == their_answer, sent
        assert ours.storage == theirs.storage
        assert len(ours.storage) > 50


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

"""Random calldata for every external function: well typed, drawn from what the chain holds, spoiled, or mere bytes."""

from dataclasses import replace

from escrow_kit.dice import Dice
from escrow_kit.encoding import ARRAY, encode, is_dynamic
from escrow_kit.honest_calls import HONEST, honest_call
from escrow_kit.laws import GAS_MAX
from escrow_kit.pair import ESCAPE, NOTICE, TIMELOCK, WINDOW
from escrow_kit.stage import Call, Stage

POWERS = (8, 16, 32, 34, 56, 62, 63, 64, 96, 128, 160, 255, 256)
WAITS = (1, WINDOW - 1, WINDOW, NOTICE, TIMELOCK, 7 * 86_400, 31 * 86_400, ESCAPE)
# Calls that only few states allow are tried more often.
RARE = ("propose", "finalize", "finalize", "roll", "roll", "withdraw", "cancel_withdrawal", "apply_config")
LIKELY = (*HONEST, *(("escrow", name) for name in RARE), ("payout", "pay_range"))
LENGTHS = (1, 0, 2, 3, 4, 8, 32, 33, 64, 65, 100, 256, 257, 400, 401)
WIDTH = {"uint8": 8, "uint32": 32, "uint64": 64, "uint256": 256, "address": 160, "bool": 1, "bytes32": 256}


def next_call(stage: Stage, dice: Dice) -> Call | None:
    """The call that a record of bytes stands for, after any waiting; None where it only waits."""
    kind = dice.below(16)
    if kind == 0:
        return None
    if kind == 1:
        stage.wait_until(stage.now + dice.pick(WAITS))
        return None
    if kind < 8:
        return _honest(stage, dice, spoil=False)
    if kind < 12:
        return _honest(stage, dice, spoil=True)
    if kind < 15:
        return _typed(stage, dice)
    return _bytes(stage, dice)


def _honest(stage: Stage, dice: Dice, spoil: bool) -> Call:
    name, waits = dice.pick(LIKELY), not dice.one_in(2)
    sender = dice.pick(stage.people) if dice.one_in(5) else None
    call = honest_call(stage, dice, name, waits, sender)
    data = spoiled(stage, dice, call.data) if spoil else call.data
    return replace(call, data=data, value=_value(dice), gas=_gas(dice))


def _typed(stage: Stage, dice: Dice) -> Call:
    writing = [one for one in stage.functions if not one.reads]
    function = dice.pick(stage.functions if dice.one_in(4) else writing)
    data = function.selector + encode(function.types, [argument(stage, dice, kind) for kind in function.types])
    return Call(function.contract, data, dice.pick(stage.people), _value(dice), _gas(dice))


def _bytes(stage: Stage, dice: Dice) -> Call:
    """A known or unknown selector and bytes that mean nothing."""
    function = dice.pick(stage.functions)
    start = dice.pick((function.selector, b"", function.selector[:3], dice.bits().to_bytes(32, "big")[:4]))
    filler = dice.pick((bytes(32), bytes([255]) * 32, dice.bits().to_bytes(32, "big")))
    data = start + (filler * dice.pick((0, 1, 2, 5, 12, 40)))[: dice.pick((1280, 1, 31, 33, 127))]
    return Call(function.contract, data, dice.pick(stage.people), _value(dice), _gas(dice))


def _value(dice: Dice) -> int:
    return 1 if dice.one_in(32) else 0


def _gas(dice: Dice) -> int:
    return 2_000 + 1_500 * dice.byte() if dice.one_in(12) else GAS_MAX


def argument(stage: Stage, dice: Dice, kind: str) -> object:
    """A value of an ABI type, seldom one that does not fit it."""
    if kind == "bytes":
        length = dice.pick((65, 64, 0, 1, 32, 66, 1024, 1025))
        return (dice.bits().to_bytes(32, "big") * 33)[:length]
    match = ARRAY.match(kind)
    if match is None:
        number = interesting(stage, dice)
        return number if dice.one_in(16) else number % 2 ** WIDTH.get(kind, 256)
    length = dice.pick(LENGTHS) if is_dynamic(kind) else int(match[1])
    few = [interesting(stage, dice) for _ in range(min(length, 4))]
    return [few[place % len(few)] for place in range(length)]


def interesting(stage: Stage, dice: Dice) -> int:
    """A number that means something here, or lies on a boundary, or is any at all."""
    kind = dice.below(8)
    if kind < 2:
        return dice.below(16)
    if kind == 2:
        return (2 ** dice.pick(POWERS) + dice.pick((-1, 0, 1))) % 2**256
    if kind < 6:
        return dice.pick(_facts(stage))
    if kind == 6:
        return dice.pick([*stage.people, stage.escrow, stage.payout])
    return dice.bits()


def _facts(stage: Stage) -> list[int]:
    """Numbers that the chain holds or held: amounts, times, epochs, roots, words of trees and debits."""
    view, history = stage.memory.view, stage.memory.history
    facts = [stage.now, view.epoch, view.epoch + 1, view.root, view.pending, view.fees, view.attempt]
    for budget in view.campaigns[:6]:
        facts += [budget.remaining, budget.remaining + 1, budget.reserved, budget.executable_at]
    if history.proposed is not None:
        facts += list(history.proposed.fields.values())
    for words in list(history.debits.values())[-2:]:
        facts += words
    for tree in list(history.trees.values())[-2:]:
        facts += [int.from_bytes(tree.root), *tree.entries[:6]]
    facts += [value for _, value in history.configs]
    return facts


def spoiled(stage: Stage, dice: Dice, data: bytes) -> bytes:
    """Good calldata with one thing wrong."""
    way = dice.below(8)
    words = [data[at : at + 32] for at in range(4, len(data), 32)] or [bytes(32)]
    place = dice.below(min(len(words), 65_536))
    if way == 0:
        words[place] = (int.from_bytes(words[place]) ^ 1 << dice.byte()).to_bytes(32, "big")
    elif way == 1:
        other = dice.below(min(len(words), 65_536))
        words[place], words[other] = words[other], words[place]
    elif way == 2:
        words[place] = interesting(stage, dice).to_bytes(32, "big")
    elif way == 3:
        return data[: 4 + 32 * place + dice.below(33)]
    elif way == 4:
        words.insert(place, interesting(stage, dice).to_bytes(32, "big"))
    elif way == 5:
        del words[place]
    elif way == 6:
        change = dice.pick((1, -1, 2**160, 2**255))
        words[place] = ((int.from_bytes(words[place]) + change) % 2**256).to_bytes(32, "big")
    else:
        same = [one for one in stage.functions if not one.reads]
        return dice.pick(same).selector + data[4:]
    return data[:4] + b"".join(words)

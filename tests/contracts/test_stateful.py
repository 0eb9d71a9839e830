"""Everybody at once, against every kind of token.

`escrow_kit/machine.py` plays advertisers, publishers, attestors, operator, guardian, owner, keeper, stranger and the
token in any order and holds both contracts against a model after every step: L1, L2, L3, L4, L5, L6, L7, L8, L9, L10,
L11, L12, L13, L14, L15, L16, L17, L18, L19, L20, L21, L22 and L23. Its turns say which of them they try.
"""

import sys
from collections.abc import Callable
from typing import ClassVar

import boa
import pytest
from escrow_kit.machine import MACHINES, MoneyPath, dead_turns, machine_settings, table
from escrow_kit.pair import deploy_escrow, source
from escrow_kit.tokens import BLACKLISTING, FALSE, FEE, PERMITLESS, PLAIN, REENTRANT, RESCALING, SILENT
from hypothesis import settings

# The profile "fuzz" plays long and shrinks what it finds; otherwise all kinds together take 45 seconds.
IS_LONG = settings.get_current_profile_name() == "fuzz"
EXAMPLES_SHORT = 10
EXAMPLES = settings.default.max_examples if IS_LONG else EXAMPLES_SHORT
STEPS = 100 if IS_LONG else 40
# So many examples leave no call, and no turn, to chance: in ten, one machine of fifty sees no withdrawal asked for.
EXAMPLES_FOR_ALL_CALLS, EXAMPLES_FOR_ALL_TURNS = 100, 400

for _machine in MACHINES.values():
    _machine.TestCase.settings = machine_settings(EXAMPLES, STEPS, shrinks=IS_LONG)


class Played:
    """One test for each kind of token; the classes are apart so that they can run beside each other."""

    machine: ClassVar[type[MoneyPath]]
    runTest: Callable[[], None]

    def test_machine__any_order_of_calls__keeps_every_law(self) -> None:
        self.machine.deploy_once()
        self.runTest()
        sys.stdout.write(table(self.machine))
        # The last round of a fuzzing run may have time for one example only, which need not play anything.
        assert EXAMPLES < EXAMPLES_SHORT or self.machine.tally["open_campaign", "done"], "no campaign was ever opened"
        for call in ("propose", "finalize", "request_withdrawal"):
            assert EXAMPLES < EXAMPLES_FOR_ALL_CALLS or self.machine.tally[call, "done"], f"{call} never succeeded"
        assert EXAMPLES < EXAMPLES_FOR_ALL_TURNS or not dead_turns(self.machine)


class TestPlain(Played, MACHINES[PLAIN.name].TestCase):
    """Nothing but EIP-20 and EIP-2612."""

    machine = MACHINES[PLAIN.name]


class TestWithoutReturnValue(Played, MACHINES[SILENT.name].TestCase):
    """Transfers answer nothing, as USDT's do."""

    machine = MACHINES[SILENT.name]


class TestReturnsFalse(Played, MACHINES[FALSE.name].TestCase):
    """A transfer that fails answers false, reverts or burns the gas: L7, L8 above all."""

    machine = MACHINES[FALSE.name]


class TestFeeOnTransfer(Played, MACHINES[FEE.name].TestCase):
    """What arrives is less than what was sent: L2, L8 above all."""

    machine = MACHINES[FEE.name]


class TestReentrant(Played, MACHINES[REENTRANT.name].TestCase):
    """Transfers call back into both contracts: L23 above all."""

    machine = MACHINES[REENTRANT.name]


class TestBlacklisting(Played, MACHINES[BLACKLISTING.name].TestCase):
    """USDC, with permits, authorisations and a blacklist: L7, L8, L20 above all."""

    machine = MACHINES[BLACKLISTING.name]


class TestWithoutPermit(Played, MACHINES[PERMITLESS.name].TestCase):
    """A permit seems to succeed and approves nothing: L8, L20 above all."""

    machine = MACHINES[PERMITLESS.name]


class TestRescaling(Played, MACHINES[RESCALING.name].TestCase):
    """Six decimals at deployment, other ones later: L8."""

    machine = MACHINES[RESCALING.name]


@pytest.mark.parametrize("decimals", [0, 5, 7, 18])
def test_deployment__token_without_six_decimals__is_refused(decimals: int) -> None:
    """L8"""
    with boa.env.anchor():
        token = source("testing/HostileToken.vy").deploy(decimals)
        with boa.reverts("scale"):
            deploy_escrow(token)

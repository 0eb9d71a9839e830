"""What each build weighs and burns: prints JSON by build. `scripts/builds.py` runs it for the table."""

import json
import sys
from typing import Any

import boa

from escrow_kit.builds import BUILDS
from escrow_kit.pair import (
    USDC,
    Pair,
    claim_arguments,
    deploy_pair,
    payout_code,
    range_arguments,
    role,
    settlement,
    source,
)

PUBLISHERS = 40
CAMPAIGNS = 40


def gas(contract: Any, function: str, *arguments: object, sender: str) -> int:
    """Gas of the call alone, everything cold: without the base cost and the calldata of a transaction."""
    data = getattr(contract, function).prepare_calldata(*arguments)
    boa.env.reset_gas_used()
    done = boa.env.execute_code(to_address=contract.address, sender=sender, data=data)
    assert not done.is_error, function
    used: int = done.net_gas_used
    return used


def burns(pair: Pair) -> dict[str, int]:
    """Gas of a roll of ten groups of campaigns, then of a claim and of ten groups of publishers."""
    debits = {pair.open(): USDC for _ in range(CAMPAIGNS)}
    earned = [(role(200 + index), USDC // 2) for index in range(PUBLISHERS)]
    first = settlement(earned, debits)
    pair.propose(first)
    pair.pass_window()
    second = settlement([(who, 2 * amount) for who, amount in earned], debits)
    signed = pair.sigs(second, epoch=2, prevRoot=first.root)
    pending = (first.root, first.total, pair.active_at, first.words)
    return {
        "roll": gas(pair.escrow, "roll", *pending, *second.terms, signed, sender=pair.operator),
        "claim": gas(pair.payout, "claim", *claim_arguments(first.tree, 5), sender=pair.stranger),
        "pay_range": gas(pair.payout, "pay_range", *range_arguments(first.tree, 0, 10), sender=pair.stranger),
    }


def figures(build: str) -> dict[str, int]:
    """Bytes of creation code without arguments, bytes of code on chain, gas."""
    pair = deploy_pair(build=build)
    sizes = {
        "escrow_creation": len(source("CampaignEscrow.vy", build).compiler_data.bytecode),
        "escrow_runtime": len(boa.env.get_code(pair.escrow.address)),
        "payout_creation": len(payout_code(build)),
        "payout_runtime": len(boa.env.get_code(pair.payout.address)),
    }
    return sizes | burns(pair)


if __name__ == "__main__":
    json.dump({build: figures(build) for build in BUILDS}, sys.stdout)

"""What may go differently on a chain, each once: a withdrawal, a reorganisation, a veto, a claim by hand."""

from collections.abc import Mapping
from typing import Any

from web3.logs import DISCARD

from backend.core.money import usdc
from backend.demo.accounts import FundedCampaign
from backend.demo.chain import REFUSED
from backend.demo.client import Json
from backend.demo.play import Play
from backend.demo.system import BLOCK_SECONDS
from backend.demo.waiting import DemoError

WITHDRAW_MICRO_USDC = 5_000_000
DEPOSIT_MICRO_USDC = 3_000_000
REORG_BLOCKS = 2


def request_withdrawal(play: Play) -> str:
    """The advertiser of the last campaign wants a part of its budget back."""
    campaign = play.campaigns[-1]
    request = play.chain.escrow.functions.request_withdrawal(campaign.chain_campaign, WITHDRAW_MICRO_USDC)
    play.chain.send(campaign.account, request)
    return f"{usdc(WITHDRAW_MICRO_USDC)} USDC of “{campaign.plan.name}” reserved"


def withdraw(play: Play) -> str:
    """Take it, once the notice is over and the epochs that may need it are final."""
    campaign, chain = play.campaigns[-1], play.chain

    def ripe() -> bool:
        amount, executable_at, after_epoch = chain.escrow.functions.reservation(campaign.chain_campaign).call()
        if not amount:
            raise DemoError("the reservation is gone")
        return bool(chain.time >= executable_at and chain.escrow.functions.epoch().call() >= after_epoch)

    take = chain.escrow.functions.withdraw(campaign.chain_campaign, campaign.account.address)

    def withdrawn() -> bool:
        try:
            chain.send(campaign.account, take)
        except REFUSED:     # a reorganisation set the chain's clock or epoch back
            return False
        return True

    before = chain.token.functions.balanceOf(campaign.account.address).call()
    play.wait(
        "the end of the notice and of the epochs in service", lambda: ripe() and withdrawn(), seconds_max=180
    )
    got = chain.token.functions.balanceOf(campaign.account.address).call() - before
    return f"{usdc(got)} USDC back in the advertiser's wallet"


def reorganise(play: Play) -> str:
    """A deposit that everybody has seen vanishes with its two blocks, and is sent again.

    The clock of the chain stands still meanwhile, so that it is this deposit and no other block that is lost.
    """
    campaign, chain = play.campaigns[0], play.chain
    chain.send(campaign.account, chain.token.functions.approve(chain.escrow.address, DEPOSIT_MICRO_USDC))
    before, reorgs = _deposited(play.status(), campaign), _reorgs(play.status())
    deposit = chain.escrow.functions.deposit(campaign.chain_campaign, DEPOSIT_MICRO_USDC)
    chain.steer("evm_setIntervalMining", 0)
    try:
        transaction = chain.submit(campaign.account, deposit)
        for _ in range(REORG_BLOCKS):
            chain.steer("evm_mine")
        with_deposit = before + DEPOSIT_MICRO_USDC
        play.wait("the deposit in SQL", lambda: _deposited(play.status(), campaign) == with_deposit, seconds_max=90)
        chain.steer("anvil_reorg", REORG_BLOCKS, [])
    finally:
        chain.steer("evm_setIntervalMining", BLOCK_SECONDS)
    if chain.receipt(transaction) is not None:
        raise DemoError("the reorganised chain still has the deposit")
    play.wait(
        "the indexer to roll back",
        lambda: _reorgs(play.status()) > reorgs and _deposited(play.status(), campaign) == before, seconds_max=90,
    )
    chain.send(campaign.account, deposit)
    play.wait("the deposit again", lambda: _deposited(play.status(), campaign) == with_deposit, seconds_max=90)
    return f"{REORG_BLOCKS} blocks replaced, a deposit of {usdc(DEPOSIT_MICRO_USDC)} USDC vanished and was sent again"


def veto(play: Play) -> str:
    """The guardian stops the next proposal within its challenge window; the same epoch is proposed again."""
    chain, escrow = play.chain, play.chain.escrow.functions

    def vetoed() -> tuple[int, int] | None:
        proposals = chain.logs(chain.escrow, "Proposed")
        if not proposals or proposals[-1]["epoch"] != escrow.epoch().call() + 1:
            return None
        proposal = proposals[-1]
        if chain.time >= proposal["active_at"] - 1:    # too late to be sure of winning against `finalize`
            return None
        try:
            chain.send(play.cast.guardian, escrow.veto(proposal["epoch"]))
        except REFUSED:     # final in this very block, or vetoed already
            return None
        return int(proposal["epoch"]), int(proposal["attempt"])

    epoch, attempt = play.wait("a proposal to veto", vetoed, seconds_max=180)
    play.wait(
        f"epoch {epoch} to be proposed again",
        lambda: any(
            log["epoch"] == epoch and log["attempt"] > attempt for log in chain.logs(chain.escrow, "Proposed")
        ),
        seconds_max=180,
    )
    return f"the guardian vetoed epoch {epoch}; it was attested and proposed again"


def claim(play: Play) -> str:
    """The publisher who is not paid by the keeper fetches a proof from the API and claims on chain."""
    seller = play.sellers[-1]
    paid = play.wait("a claim against the newest root", lambda: _claim_once(play, seller.index), seconds_max=180)
    play.claimed_micro_usdc += paid
    return f"{usdc(paid)} USDC to publisher {seller.index}, with a proof from the API"


def _claim_once(play: Play, index: int) -> int | None:
    """Micro-USDC paid; None when the root has changed since the proof, or nothing is due yet."""
    chain = play.chain
    epoch = chain.escrow.functions.epoch().call()
    if not epoch:
        return None
    proof = play.visitor.find(f"/v1/settlements/{epoch}/proof/{index}")
    if proof is None:
        return None
    entries, path = proof_arguments(proof)
    try:
        if not chain.payout.functions.claimable(index, entries, path).call():
            return None
        publisher = play.sellers[-1].account
        receipt = chain.send(publisher, chain.payout.functions.claim(index, entries, path))
    except REFUSED:
        return None
    return sum(
        int(log["args"]["amount"])
        for log in chain.payout.events.Paid().process_receipt(receipt, errors=DISCARD)     # with the token's own
        if log["args"]["index"] == index
    )


def proof_arguments(proof: Mapping[str, Any]) -> tuple[list[int], list[bytes]]:
    """`entries` and `proof` of `PublisherPayout.claim` out of the API's answer."""
    return [int(word) for word in proof["entries"]], [bytes.fromhex(node[2:]) for node in proof["proof"]]


def _deposited(status: Json, campaign: FundedCampaign) -> int:
    return sum(
        row["deposited_micro_usdc"] for row in status["campaigns"] if row["campaign"] == campaign.chain_campaign
    )


def _reorgs(status: Json) -> int:
    return int(status["chain"]["reorgs"])

"""Who may call what with success, and which functions may move a token: one row for every function that writes."""

from collections.abc import Callable

from escrow_kit.laws import Step

Rule = Callable[[Step], set[int] | None]


def anyone(step: Step) -> None:
    """No authority needed; the laws bound what such a call can do."""


def owner(step: Step) -> set[int]:
    return {step.before.owner}


def offered_owner(step: Step) -> set[int]:
    return {step.before.pending_owner}


def operator(step: Step) -> set[int]:
    return {step.before.operator}


def guardian(step: Step) -> set[int]:
    return {step.before.guardian}


def guardian_or_owner(step: Step) -> set[int]:
    return {step.before.guardian, step.before.owner}


def advertiser(step: Step) -> set[int]:
    """The owner of the campaign that the first argument names."""
    campaign = step.argument(0)
    known = campaign < len(step.before.campaigns)
    return {step.before.campaigns[campaign].owner} if known else set()


def payee(step: Step) -> set[int]:
    """The recipient that the entry of the publisher index names."""
    return {step.argument(1 + (step.argument(0) & 3)) >> 96}


def escrow(step: Step) -> set[int]:
    return {step.escrow}


AUTHORITY: dict[tuple[str, str], Rule] = {
    ("escrow", "open_campaign"): anyone,
    ("escrow", "open_campaign_with_permit"): anyone,
    ("escrow", "deposit"): anyone,
    ("escrow", "deposit_with_permit"): anyone,
    ("escrow", "deposit_with_authorization"): anyone,
    ("escrow", "set_epoch_cap"): advertiser,
    ("escrow", "request_withdrawal"): advertiser,
    ("escrow", "cancel_withdrawal"): advertiser,
    ("escrow", "withdraw"): advertiser,
    ("escrow", "set_campaign_active"): advertiser,
    ("escrow", "propose"): operator,
    ("escrow", "finalize"): anyone,
    ("escrow", "roll"): operator,
    ("escrow", "veto"): guardian,
    ("escrow", "withdraw_fees"): anyone,
    ("escrow", "pause"): guardian,
    ("escrow", "unpause"): guardian_or_owner,
    ("escrow", "propose_config"): owner,
    ("escrow", "cancel_config"): owner,
    ("escrow", "apply_config"): owner,
    ("escrow", "transfer_ownership"): owner,
    ("escrow", "accept_ownership"): offered_owner,
    ("payout", "set_root"): escrow,
    ("payout", "claim"): anyone,
    ("payout", "claim_to"): payee,
    ("payout", "claim_to_with_sig"): anyone,
    ("payout", "pay_range"): anyone,
    ("payout", "pause"): guardian,
    ("payout", "unpause"): guardian_or_owner,
}

MOVES_TOKENS = {
    ("escrow", "open_campaign"),
    ("escrow", "open_campaign_with_permit"),
    ("escrow", "deposit"),
    ("escrow", "deposit_with_permit"),
    ("escrow", "deposit_with_authorization"),
    ("escrow", "withdraw"),
    ("escrow", "finalize"),
    ("escrow", "roll"),
    ("escrow", "withdraw_fees"),
    ("payout", "claim"),
    ("payout", "claim_to"),
    ("payout", "claim_to_with_sig"),
    ("payout", "pay_range"),
}


def check_authority(step: Step) -> None:
    """L10, L14, L15: whoever succeeded held the role, and only some functions move a token."""
    name = (step.contract, step.function or "")
    assert name in AUTHORITY, f"L16: {name} wrote to the chain and is no function that may"
    allowed = AUTHORITY[name](step)
    assert allowed is None or step.sender in allowed, f"L15: {name} was called by {step.sender:#042x}"
    assert name in MOVES_TOKENS or not step.transfers, f"L10: {name} moved a token"

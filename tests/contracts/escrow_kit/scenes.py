"""Where random calls start: stages in states that took several right calls to reach."""

from collections.abc import Callable

from escrow_kit import pair as kit
from escrow_kit.chain_view import to_int
from escrow_kit.dice import Dice
from escrow_kit.honest_calls import ADVERTISER, BLOCKED, HONEST, STRANGER
from escrow_kit.pair import ESCAPE, META, NOTICE, TIMELOCK, WINDOW
from escrow_kit.stage import Stage

BUDGETS = (5_000_000, 7, 2**40, 100_000_000, 3_000_000, 1)


def spending(seed: int) -> Dice:
    """Debits and earnings that are the same in every run."""
    return Dice(bytes((37 * place + 11 * seed) % 230 + 1 for place in range(60)))


def act(stage: Stage, contract: str, name: str, seed: int = 1) -> None:
    """An honest call that must succeed."""
    planned = HONEST[contract, name](stage, spending(seed))
    stage.wait_until(planned.not_before)
    stage.do(contract, name, *planned.arguments, sender=planned.sender)


def fresh() -> Stage:
    return Stage()


def budgets() -> Stage:
    stage = Stage()
    for amount in BUDGETS:
        stage.do("escrow", "open_campaign", ADVERTISER, amount, META, sender=ADVERTISER)
    stage.do("escrow", "open_campaign", STRANGER, 9_000_000, META, sender=STRANGER)
    stage.do("escrow", "set_epoch_cap", 3, 40_000_000, sender=ADVERTISER)
    return stage


def pending() -> Stage:
    stage = budgets()
    act(stage, "escrow", "propose")
    return stage


def final() -> Stage:
    """Two final epochs, one publisher paid, one that the token refuses."""
    stage = pending()
    stage.pair.token.blacklist(f"0x{BLOCKED:040x}", sender=stage.pair.token.blacklister())
    act(stage, "escrow", "roll", seed=2)
    act(stage, "escrow", "finalize")
    planned = HONEST["payout", "claim"](stage, Dice(bytes([0, 0, 2])))
    stage.do("payout", "claim", *planned.arguments, sender=STRANGER)
    return stage


def final_and_pending() -> Stage:
    stage = final()
    act(stage, "escrow", "propose", seed=3)
    stage.wait_until(stage.now + WINDOW)
    return stage


def leaving() -> Stage:
    """Reservations of several ages while an epoch is pending."""
    stage = final()
    stage.do("escrow", "request_withdrawal", 2, 2**20, sender=ADVERTISER)
    act(stage, "escrow", "propose", seed=4)
    stage.do("escrow", "request_withdrawal", 0, stage.memory.view.campaigns[0].remaining, sender=ADVERTISER)
    stage.do("escrow", "set_epoch_cap", 2, 1_000, sender=ADVERTISER)
    act(stage, "escrow", "roll", seed=5)
    stage.wait_until(stage.now + NOTICE)
    return stage


def early() -> Stage:
    """A withdrawal that waits for nothing but its notice."""
    stage = final()
    owner = stage.memory.view.owner
    stage.do("escrow", "propose_config", kit.NOTICE_KIND, ESCAPE, sender=owner)
    stage.wait_until(stage.now + TIMELOCK)
    stage.do("escrow", "apply_config", kit.NOTICE_KIND, ESCAPE, sender=owner)
    stage.do("escrow", "request_withdrawal", 2, 2**20, sender=ADVERTISER)
    for seed in (6, 7):
        act(stage, "escrow", "propose", seed)
        act(stage, "escrow", "finalize")
    return stage


def vetoed() -> Stage:
    stage = final_and_pending()
    act(stage, "escrow", "veto")
    stage.do("escrow", "request_withdrawal", 3, 1_000, sender=ADVERTISER)
    return stage


def paused() -> Stage:
    stage = final_and_pending()
    guardian = stage.memory.view.guardian
    stage.do("escrow", "pause", 7 * 86_400, sender=guardian)
    stage.do("payout", "pause", NOTICE, sender=guardian)
    return stage


def changing() -> Stage:
    """Announced changes of every kind, ripe, and an offer of ownership."""
    stage = announced()
    stage.wait_until(stage.now + TIMELOCK)
    return stage


def announced() -> Stage:
    """The same before its time."""
    stage = final()
    owner = stage.memory.view.owner
    numbers = {kit.THRESHOLD_KIND: 3, kit.FEE: 500, kit.WINDOW_KIND: 60, kit.NOTICE_KIND: ESCAPE}
    people = {
        kit.OPERATOR: 8,
        kit.GUARDIAN: 9,
        kit.ATTESTOR_ADD: 14,
        kit.ATTESTOR_REMOVE: 11,
        kit.TREASURY: 10,
    }
    values = numbers | {kind: to_int(kit.role(number)) for kind, number in people.items()}
    for kind, value in sorted(values.items()):
        stage.do("escrow", "propose_config", kind, value, sender=owner)
    stage.do("escrow", "transfer_ownership", to_int(kit.role(16)), sender=owner)
    return stage


SCENES: tuple[Callable[[], Stage], ...] = (
    final_and_pending,
    fresh,
    budgets,
    pending,
    final,
    leaving,
    early,
    vetoed,
    paused,
    changing,
    announced,
)

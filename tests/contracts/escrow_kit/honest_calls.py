"""Calls that fit the present state, as somebody with the right keys would make them; the fuzzer also spoils them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from backend.core.keccak import keccak256
from backend.settlement.tree import Tree, build_tree, debits_hash, decode_debits, encode_debits
from escrow_kit import pair as kit
from escrow_kit.chain_view import M64, to_int
from escrow_kit.dice import Dice
from escrow_kit.encoding import encode
from escrow_kit.pair import DATA_HASH, META, RULESET, claim_arguments, range_arguments
from escrow_kit.signing import AUTHORIZATION_FIELDS, CLAIM_FIELDS, PERMIT_FIELDS, domain, quorum, sign
from escrow_kit.stage import Call, Stage, address

PUBLISHERS = 18
DEBIT_MAX = 2**56 - 1
ADVERTISER, PUBLISHER, STRANGER = (to_int(kit.role(number)) for number in (5, 6, 7))
BLOCKED = to_int(kit.role(20))


@dataclass(frozen=True)
class Planned:
    """Arguments, who should call, and the time before which it is refused."""

    arguments: tuple[object, ...]
    sender: int
    not_before: int = 0


@dataclass(frozen=True)
class Terms:
    """A settlement with the epoch, attempt and previous root that attestors sign."""

    epoch: int
    attempt: int
    prev_root: int
    tree: Tree
    words: tuple[int, ...]
    total: int

    @property
    def proposed(self) -> tuple[bytes, bytes, int, int, bytes, bytes]:
        return self.tree.root, debits_hash(self.words), self.total, PUBLISHERS, RULESET, DATA_HASH


def recipients(stage: Stage) -> list[int]:
    """Who the publisher indices belong to: keys, a wallet contract, a refused account, both contracts."""
    keys = [to_int(kit.role(number)) for number in range(4, 19)]
    return [*keys[: PUBLISHERS - 4], stage.wallet, BLOCKED, stage.escrow, stage.payout]


# --- settlements


def next_terms(stage: Stage, dice: Dice, after_pending: bool = False) -> Terms:
    """The next epoch: debits that the budgets allow, mostly, and earnings that grow by the net amount."""
    view, history = stage.memory.view, stage.memory.history
    epoch, prev_root, owed = view.epoch + 1, view.root, dict[int, int]()
    if after_pending and history.proposed is not None:
        epoch, prev_root = epoch + 1, history.proposed["publishers_root"]
        owed = decode_debits(history.debits[history.proposed["debits_hash"]])
    debits = {
        campaign: dice.part(_available(stage, campaign, epoch, owed.get(campaign, 0)))
        for campaign in range(len(view.campaigns))
    }
    if dice.one_in(16):
        debits[dice.below(2 * len(view.campaigns) + 1)] = dice.pick((1, DEBIT_MAX, 2**40))
    words = tuple(encode_debits(debits))
    total = sum(debits.values()) + (1 if dice.one_in(32) else 0)
    net = total - total * view.fee_bps // 10_000
    return Terms(epoch, view.attempt, prev_root, _grown(stage, history.trees.get(prev_root), net, dice), words, total)


def _available(stage: Stage, campaign: int, epoch: int, owed: int) -> int:
    budget = stage.memory.view.campaigns[campaign]
    funds = max(0, budget.remaining + (budget.reserved if epoch <= budget.after_epoch else 0) - owed)
    wishes = [cap for since, cap in stage.memory.history.caps.get(campaign, ()) if since <= epoch]
    return min(funds, wishes[-1] if wishes and wishes[-1] else DEBIT_MAX, DEBIT_MAX)


def _grown(stage: Stage, tree: Tree | None, net: int, dice: Dice) -> Tree:
    earned = [tree.entries[index] & M64 if tree else 0 for index in range(PUBLISHERS)]
    weights = [dice.byte() % 8 for _ in range(PUBLISHERS)]
    gains = [net * weight // (sum(weights) or 1) for weight in weights]
    gains[0] += net - sum(gains)
    people = recipients(stage)
    return build_tree([people[index] << 96 | earned[index] + gains[index] for index in range(PUBLISHERS)])


def attest(stage: Stage, terms: Terms, dice: Dice) -> list[bytes]:
    """Signatures of a quorum, mostly; remembers what was signed."""
    view, history = stage.memory.view, stage.memory.history
    present = sorted(who for who in view.attestors if who in stage.keys)
    count = max(0, min(len(present), view.threshold) - (1 if dice.one_in(6) else 0))
    signers = present[-count:] if dice.one_in(2) else present[:count]
    root, words_hash, total, publishers, ruleset, data_hash = terms.proposed
    numbers = (int.from_bytes(root), int.from_bytes(words_hash), total, publishers)
    rest = (int.from_bytes(ruleset), int.from_bytes(data_hash))
    key = (terms.epoch, terms.attempt, terms.prev_root, *numbers, *rest)
    history.trees[numbers[0]], history.debits[numbers[1]] = terms.tree, terms.words
    history.attested[key] = history.attested.get(key, frozenset()) | frozenset(signers)
    message: dict[str, object] = {
        "epoch": terms.epoch,
        "attempt": terms.attempt,
        "prevRoot": terms.prev_root.to_bytes(32, "big"),
        "publishersRoot": root,
        "debitsHash": words_hash,
        "totalDebit": total,
        "publishers": publishers,
        "rulesetHash": ruleset,
        "dataHash": data_hash,
    }
    return quorum([stage.keys[who] for who in signers], stage.pair.domain, message)


def propose(stage: Stage, dice: Dice) -> Planned:
    terms = next_terms(stage, dice)
    return Planned((*terms.proposed, attest(stage, terms, dice)), stage.memory.view.operator)


def finalize(stage: Stage, dice: Dice) -> Planned:
    was = stage.memory.history.proposed
    if was is None:
        return Planned((1, 0, stage.now, ()), STRANGER)
    words = stage.memory.history.debits[was["debits_hash"]]
    return Planned((was["publishers_root"], was["total"], was["active_at"], words), STRANGER, was["active_at"])


def roll(stage: Stage, dice: Dice) -> Planned:
    final = finalize(stage, dice)
    terms = next_terms(stage, dice, after_pending=True)
    arguments = (*final.arguments, *terms.proposed, attest(stage, terms, dice))
    return Planned(arguments, stage.memory.view.operator, final.not_before)


def veto(stage: Stage, dice: Dice) -> Planned:
    return Planned((stage.memory.view.epoch + 1,), stage.memory.view.guardian)


# --- advertisers


def _some_campaign(stage: Stage, dice: Dice) -> tuple[int, int]:
    """(campaign, its owner), now and then of a campaign that does not exist."""
    campaign = dice.below(len(stage.memory.view.campaigns) + 1)
    known = campaign < len(stage.memory.view.campaigns)
    return campaign, stage.memory.view.campaigns[campaign].owner if known else ADVERTISER


def open_campaign(stage: Stage, dice: Dice) -> Planned:
    return Planned((ADVERTISER, dice.part(2**30), META), ADVERTISER)


def deposit(stage: Stage, dice: Dice) -> Planned:
    return Planned((_some_campaign(stage, dice)[0], dice.part(2**30)), dice.pick((ADVERTISER, STRANGER)))


def _permit(stage: Stage, amount: int) -> tuple[int, int, bytes, bytes]:
    deadline = stage.now + 100
    message: dict[str, object] = {
        "owner": address(STRANGER),
        "spender": address(stage.escrow),
        "value": amount,
        "nonce": stage.pair.token.nonces(address(STRANGER)),
        "deadline": deadline,
    }
    return deadline, *sign(stage.keys[STRANGER], _token_domain(stage), "Permit", PERMIT_FIELDS, message)


def _token_domain(stage: Stage) -> dict[str, object]:
    return domain("USD Coin", "2", stage.pair.domain["chainId"], str(stage.pair.token.address))  # type: ignore[arg-type]


def open_campaign_with_permit(stage: Stage, dice: Dice) -> Planned:
    amount = dice.part(2**30)
    return Planned((ADVERTISER, amount, META, *_permit(stage, amount)), STRANGER)


def deposit_with_permit(stage: Stage, dice: Dice) -> Planned:
    amount = dice.part(2**30)
    return Planned((_some_campaign(stage, dice)[0], amount, *_permit(stage, amount)), STRANGER)


def deposit_with_authorization(stage: Stage, dice: Dice) -> Planned:
    campaign, amount, salt = _some_campaign(stage, dice)[0], 1 + dice.part(2**30), dice.below(8)
    nonce = keccak256(encode(("uint256", "uint256"), (campaign, salt)))
    fields = (address(ADVERTISER), address(stage.escrow), amount, 0, stage.now + 100, nonce)
    message: dict[str, object] = dict(zip((name for name, _ in AUTHORIZATION_FIELDS), fields, strict=True))
    kind = "ReceiveWithAuthorization"
    signature = sign(stage.keys[ADVERTISER], _token_domain(stage), kind, AUTHORIZATION_FIELDS, message)
    return Planned((campaign, ADVERTISER, amount, 0, stage.now + 100, salt, *signature), STRANGER)


def set_epoch_cap(stage: Stage, dice: Dice) -> Planned:
    campaign, owner = _some_campaign(stage, dice)
    return Planned((campaign, dice.part(2**31)), owner)


def request_withdrawal(stage: Stage, dice: Dice) -> Planned:
    campaign, owner = _some_campaign(stage, dice)
    budgets = stage.memory.view.campaigns
    return Planned((campaign, dice.part(budgets[campaign].remaining if campaign < len(budgets) else 1)), owner)


def cancel_withdrawal(stage: Stage, dice: Dice) -> Planned:
    campaign, owner = _some_campaign(stage, dice)
    return Planned((campaign,), owner)


def withdraw(stage: Stage, dice: Dice) -> Planned:
    view = stage.memory.view
    waiting = [campaign for campaign, budget in enumerate(view.campaigns) if budget.reserved]
    if not waiting:
        return Planned((0, ADVERTISER), ADVERTISER)
    campaign = dice.pick(waiting)
    budget = view.campaigns[campaign]
    early = view.epoch < budget.after_epoch
    escapes_at = min(budget.escapes_at, view.last_active_at + kit.ESCAPE)
    to = dice.pick((ADVERTISER, stage.payout, STRANGER, BLOCKED))
    return Planned((campaign, to), budget.owner, max(budget.executable_at, escapes_at if early else 0))


def set_campaign_active(stage: Stage, dice: Dice) -> Planned:
    campaign, owner = _some_campaign(stage, dice)
    return Planned((campaign, dice.below(2)), owner)


# --- guardian and owner


def pause(stage: Stage, dice: Dice) -> Planned:
    return Planned((dice.pick((1, kit.WINDOW, 7 * 86_400, 7 * 86_400 + 1)),), stage.memory.view.guardian)


def unpause(stage: Stage, dice: Dice) -> Planned:
    return Planned((), dice.pick((stage.memory.view.guardian, stage.memory.view.owner)))


def propose_config(stage: Stage, dice: Dice) -> Planned:
    kind = 1 + dice.below(9)
    numbers = {
        kit.THRESHOLD_KIND: (1, 2, 3, 4),
        kit.FEE: (0, 300, kit.FEE_BPS_MAX, kit.FEE_BPS_MAX + 1),
        kit.WINDOW_KIND: (1, kit.WINDOW, kit.NOTICE - 1, kit.NOTICE),
        kit.NOTICE_KIND: (kit.WINDOW + 1, kit.NOTICE, kit.ESCAPE, kit.ESCAPE + 1),
    }
    return Planned((kind, dice.pick(numbers.get(kind, tuple(stage.people)))), stage.memory.view.owner)


def apply_config(stage: Stage, dice: Dice) -> Planned:
    announced = sorted(stage.memory.history.configs)
    chosen = dice.pick(announced or ((kit.FEE, 1),))
    return Planned(chosen, stage.memory.view.owner, stage.memory.history.configs.get(chosen, 0))


def cancel_config(stage: Stage, dice: Dice) -> Planned:
    return replace(apply_config(stage, dice), not_before=0)


def transfer_ownership(stage: Stage, dice: Dice) -> Planned:
    return Planned((dice.pick((*stage.people[:8], 0)),), stage.memory.view.owner)


def accept_ownership(stage: Stage, dice: Dice) -> Planned:
    return Planned((), stage.memory.view.pending_owner or STRANGER)


def withdraw_fees(stage: Stage, dice: Dice) -> Planned:
    return Planned((), STRANGER)


# --- publishers


def _some_tree(stage: Stage, dice: Dice) -> Tree:
    """The tree of the latest root; now and then another one that was attested."""
    history = stage.memory.history
    latest = history.trees.get(stage.memory.view.root)
    trees = list(history.trees.values())
    if latest is not None and not dice.one_in(8):
        return latest
    return dice.pick(trees) if trees else _grown(stage, None, 1000, Dice(b""))


def _some_publisher(dice: Dice) -> int:
    return dice.below(PUBLISHERS)


def claim(stage: Stage, dice: Dice) -> Planned:
    tree = _some_tree(stage, dice)
    index, entries, proof = claim_arguments(tree, _some_publisher(dice))
    # Now and then under another number that ends in the same bits.
    return Planned((index + (4 << tree.depth if dice.one_in(5) else 0), entries, proof), STRANGER)


def claim_to(stage: Stage, dice: Dice) -> Planned:
    tree, index = _some_tree(stage, dice), _some_publisher(dice)
    to = dice.pick((STRANGER, stage.escrow, ADVERTISER))
    return Planned((*claim_arguments(tree, index), to), tree.entries[index] >> 96)


def claim_to_with_sig(stage: Stage, dice: Dice) -> Planned:
    tree, index, to = _some_tree(stage, dice), _some_publisher(dice), dice.pick((STRANGER, ADVERTISER))
    nonce, deadline = stage.memory.history.claim_nonces.get(index, 0), stage.now + 50
    recipient = PUBLISHER if tree.entries[index] >> 96 == stage.wallet else tree.entries[index] >> 96
    signer = stage.keys.get(recipient, stage.keys[STRANGER])
    message: dict[str, object] = {"index": index, "to": address(to), "nonce": nonce, "deadline": deadline}
    v, r, s = sign(signer, stage.pair.payout_domain, "ClaimTo", CLAIM_FIELDS, message)
    if recipient in stage.keys:
        stage.memory.history.claims.add((index, to, nonce, deadline))
    return Planned((*claim_arguments(tree, index), to, deadline, r + s + bytes([v])), STRANGER)


def pay_range(stage: Stage, dice: Dice) -> Planned:
    tree = _some_tree(stage, dice)
    start = dice.below(tree.groups)
    return Planned(range_arguments(tree, start, 1 + dice.below(tree.groups - start)), STRANGER)


Planner = Callable[[Stage, Dice], Planned]
ESCROW_CALLS: tuple[Planner, ...] = (
    propose,
    finalize,
    roll,
    veto,
    open_campaign,
    open_campaign_with_permit,
    deposit,
    deposit_with_permit,
    deposit_with_authorization,
    set_epoch_cap,
    request_withdrawal,
    cancel_withdrawal,
    withdraw,
    set_campaign_active,
    pause,
    unpause,
    propose_config,
    apply_config,
    cancel_config,
    transfer_ownership,
    accept_ownership,
    withdraw_fees,
)
PAYOUT_CALLS: tuple[Planner, ...] = (claim, claim_to, claim_to_with_sig, pay_range, pause, unpause)
HONEST = {("escrow", planner.__name__): planner for planner in ESCROW_CALLS}
HONEST |= {("payout", planner.__name__): planner for planner in PAYOUT_CALLS}


def honest_call(stage: Stage, dice: Dice, name: tuple[str, str], waits: bool, sender: int | None) -> Call:
    """The bytes of such a call, after any waiting; `sender` replaces who should make it."""
    function = next(one for one in stage.functions if (one.contract, one.name) == name)
    planned = HONEST[name](stage, dice)
    if waits and planned.not_before - stage.now <= kit.TIMELOCK:
        stage.wait_until(planned.not_before)
    who = planned.sender if sender is None else sender
    # Nobody has the keys of the two contracts, which publishers' entries may name.
    who = STRANGER if who in (stage.escrow, stage.payout) else who
    return Call(function.contract, function.selector + encode(function.types, planned.arguments), who)

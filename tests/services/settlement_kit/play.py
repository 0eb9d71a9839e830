"""Steps that several stories take: selling, billing, closing, attesting and proposing the first epochs."""

from httpx import Client

from backend.chain.signer import LocalSigner
from backend.settlement.attestor.client import SettlementClient
from backend.settlement.attestor.service import AttestorService
from backend.settlement.epoch import Close, Propose, Publish, next_action
from settlement_kit.stage import EPOCH_SECONDS, START_MS, WINDOW_SECONDS, Sale, Stage, key_of

EPOCH_MS = 1_000 * EPOCH_SECONDS
FIRST = [
    Sale(1, 0, 1, 700_001), Sale(2, 0, 2, 333), Sale(3, 1, 2, 400_000), Sale(4, 1, 5, 1),
]
SECOND = [Sale(5, 1, 5, 55_555, START_MS + EPOCH_MS + 1), Sale(6, 0, 1, 9_999, START_MS + EPOCH_MS + 2)]


def attestor(stage: Stage, api: Client, number: int) -> AttestorService:
    role = f"attestor {number}"
    return AttestorService(
        SettlementClient("", api), stage.escrow("stranger"), LocalSigner(key_of(role)), stage.folder / role
    )


def do(stage: Stage, *expected: object) -> None:
    """Take steps that must be decided to be these."""
    service = stage.epochs()
    for action in expected:
        assert next_action(service.facts()) == action
        assert service.step()


def quorum(stage: Stage, api: Client) -> None:
    for number in (1, 2):
        assert attestor(stage, api, number).step()


def publish_first(stage: Stage) -> None:
    """Epoch 1 with FIRST waits for attestations."""
    stage.sell(FIRST)
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1), Publish(1))


def propose_first(stage: Stage, api: Client) -> None:
    """Epoch 1 with FIRST is pending on chain."""
    publish_first(stage)
    quorum(stage, api)
    do(stage, Propose(1))


def publish_second(stage: Stage) -> None:
    """The window of epoch 1 has passed, epoch 2 with SECOND waits for attestations."""
    stage.sell(SECOND)
    stage.bill()
    stage.wait(WINDOW_SECONDS)
    stage.clock.now_ms += EPOCH_MS + 3
    do(stage, Close(2), Publish(2))

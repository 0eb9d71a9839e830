"""A stranger verifies settlements with an RPC and the bundles (L38)."""


import pytest
from httpx import Client
from settlement_kit.play import do, propose_first, publish_second, quorum
from settlement_kit.stage import CHAIN_ID, WINDOW_SECONDS, Stage

from backend.jobs.verify_epoch import report, verify_epoch
from backend.settlement.epoch import Finalise, Propose, Publish, Roll


@pytest.fixture
def two_final(stage: Stage, api: Client) -> Stage:
    """Two epochs are final, the first at its second attempt."""
    propose_first(stage, api)
    stage.escrow("guardian").veto(1)
    do(stage, Publish(1))
    quorum(stage, api)
    do(stage, Propose(1))
    publish_second(stage)
    quorum(stage, api)
    do(stage, Roll(2))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(2))
    return stage


def test_verify_epoch__final_epochs__ok_and_every_lie_is_named(two_final: Stage) -> None:
    """L38: chain and bundle are enough to tell whether a settlement is right."""
    def check(epoch: int, attempt: int, escrow: str = two_final.escrow_address) -> list[str]:
        folder = two_final.bundles.folder(CHAIN_ID, epoch, attempt)
        return verify_epoch(two_final.rpc_url, str(folder / "statement.json"), escrow=escrow)

    assert check(1, 1) == []
    assert check(2, 1) == []
    assert report(check(2, 1)) == "OK"
    assert check(1, 0) == ["attempt 0 was vetoed"]
    path = two_final.bundles.folder(CHAIN_ID, 2, 1) / "statement.json"
    honest = path.read_text()
    path.write_text(honest.replace('"55555"', '"55556"').replace('"65554"', '"65555"'))
    found = check(2, 1)
    assert found[0].startswith("data_hash: the statement hashes to 0x")
    assert "gross of publisher 5: stated 55556, recomputed 55555" in found
    path.write_text(honest)
    before = two_final.bundles.folder(CHAIN_ID, 1, 1) / "statement.json"
    before.write_text(before.read_text().replace('"1100335"', '"1100336"'))
    assert check(2, 1) == ["the bundle of epoch 1, attempt 1 is not the one on chain"]
    assert check(2, 1, "0x" + "ee" * 20)[0].startswith("contracts.escrow: stated")
    assert check(3, 0)[0].startswith("bundle_unknown")
    assert verify_epoch("http://127.0.0.1:9", str(path))[0].startswith("chain_unavailable")

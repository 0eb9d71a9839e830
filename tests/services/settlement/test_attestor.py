"""Attestors recompute, refuse what differs, and never sign twice (L37)."""

import logging

import pytest
from httpx import Client
from settlement_kit.play import (
    attestor,
    do,
    propose_first,
    publish_first,
    publish_second,
)
from settlement_kit.stage import CHAIN_ID, Stage, address_of
from sqlalchemy import text

from backend.settlement.epoch import Publish

TAMPERINGS = [
    ("amount", "700001", "800001"),
    ("cumulative", '"cumulative_micro_usdc":"630000"', '"cumulative_micro_usdc":"640000"'),
    ("recipient of the dust account", address_of("treasury"), address_of("stranger")),
]


@pytest.mark.parametrize(("what", "old", "new"), TAMPERINGS, ids=[row[0] for row in TAMPERINGS])
def test_attestor__tampered_statement__refuses_with_the_difference(
    stage: Stage, api: Client, caplog: pytest.LogCaptureFixture, what: str, old: str, new: str
) -> None:
    """L37: nothing is signed, nothing is sent, and the log names the difference."""
    publish_first(stage)
    path = stage.bundles.folder(CHAIN_ID, 1, 0) / "statement.json"
    honest = path.read_text()
    assert old in honest
    path.write_text(honest.replace(old, new))
    with caplog.at_level(logging.ERROR):
        assert not attestor(stage, api, 1).step()
    assert "refused" in caplog.text
    assert not list((stage.folder / "attestor 1").rglob("signed/*"))
    assert api.get("/v1/settlements/1").json()["attested_by"] == []
    path.write_text(honest)
    assert attestor(stage, api, 1).step()


def test_attestor__two_digests_for_one_attempt__signs_only_the_first(stage: Stage, api: Client) -> None:
    """L37: also after a restart, when only the disk remembers."""
    publish_first(stage)
    assert attestor(stage, api, 1).step()
    (kept,) = (stage.folder / "attestor 1").rglob("statement.json")
    signed = kept.read_bytes()
    with stage.engine.begin() as connection:
        connection.execute(text("delete from attestation"))
        # The operator publishes another, equally consistent bundle under the same attempt.
        connection.execute(text("update epoch set to_ms = to_ms + 1, status = 'closed'"))
    do(stage, Publish(1))
    assert not attestor(stage, api, 1).step()
    assert kept.read_bytes() == signed
    assert attestor(stage, api, 2).step()
    attested_by = api.get("/v1/settlements/1").json()["attested_by"]
    assert attested_by == [address_of("attestor 2")]


def test_attestor__without_history__takes_it_from_the_bundle_that_is_on_chain(stage: Stage, api: Client) -> None:
    propose_first(stage, api)
    publish_second(stage)
    assert attestor(stage, api, 3).step()
    assert api.get("/v1/settlements/2").json()["attested_by"] == [address_of("attestor 3")]

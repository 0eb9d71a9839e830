"""The public side of a settlement: attestations in; bundles and proofs out (L45)."""


import pytest
from eth_account import Account
from httpx import Client
from settlement_kit.play import publish_first
from settlement_kit.stage import CHAIN_ID, Stage, address_of, key_of
from sqlalchemy import text

from backend.settlement.attestation import compact


@pytest.fixture
def published(stage: Stage) -> Stage:
    """Epoch 1 waits for attestations."""
    publish_first(stage)
    return stage


def signed(stage: Stage, api: Client, role: str, digest: str | None = None) -> dict[str, str]:
    over = digest or api.get("/v1/settlements/pending").json()["settlements"][0]["digest"]
    made = Account.unsafe_sign_hash(bytes.fromhex(over[2:]), key_of(role))
    return {"attestor": address_of(role), "signature": "0x" + compact(made.r, made.s, made.v - 27).hex()}


ATTEST = "/v1/settlements/1/0/attestations"


def test_attest__twice__once(published: Stage, api: Client) -> None:
    body = signed(published, api, "attestor 1")
    assert api.post(ATTEST, json=body).status_code == 200
    assert api.post(ATTEST, json=body).json()["attested_by"] == [address_of("attestor 1")]


def test_attest__whatever_is_wrong__a_clear_problem_and_no_row(published: Stage, api: Client) -> None:
    """L45: bad attestations change nothing."""
    good = signed(published, api, "attestor 1")
    other = signed(published, api, "attestor 1", "0x" + "11" * 32)
    cases = [
        ("/v1/settlements/9/0/attestations", good, 404, "settlement_unknown"),
        ("/v1/settlements/1/1/attestations", good, 409, "attempt_over"),
        (ATTEST, signed(published, api, "stranger"), 422, "not_an_attestor"),
        (ATTEST, {**good, "attestor": address_of("attestor 2")}, 422, "wrong_signer"),
        (ATTEST, other, 422, "wrong_signer"),
        (ATTEST, {**good, "digest": "0x" + "11" * 32}, 422, "wrong_digest"),
        (ATTEST, {**good, "signature": "0x" + "00" * 64}, 400, "signature_malformed"),
        (ATTEST, {**good, "signature": "0x" + "ff" * 64}, 400, "signature_malformed"),
        (ATTEST, {**good, "signature": "0x12"}, 422, "invalid_request"),
        (ATTEST, {**good, "extra": 1}, 422, "invalid_request"),
        ("/v1/settlements/0/0/attestations", good, 422, "invalid_request"),
        ("/v1/settlements/99999999999999999999/0/attestations", good, 422, "invalid_request"),
    ]
    for path, body, status, code in cases:
        answer = api.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (path, body, answer.text)
    with published.engine.connect() as connection:
        assert connection.execute(text("select count(*) from attestation")).scalar_one() == 0


@pytest.mark.parametrize(
    "path",
    [
        "/bundles/31337/1/0/..%2f..%2fsecret", "/bundles/31337/1/0/.env", "/bundles/31337/1/0/statement.json.bak",
        "/bundles/31337/1/7/statement.json", "/bundles/1/1/0/statement.json", "/bundles/31337/1/0/..%5csecret",
        "/bundles/31337/1/0/%00", "/v1/settlements/7", "/v1/settlements/7/proof/1", "/v1/settlements/1/proof/77",
    ],
)
def test_read__not_there_or_not_allowed__404(published: Stage, api: Client, path: str) -> None:
    (published.folder / "secret").write_text("of nobody's business")
    assert api.get(path).status_code == 404


def test_bundle__files__as_on_disk(published: Stage, api: Client) -> None:
    shown = api.get("/v1/settlements").json()["settlements"][0]
    folder = published.bundles.folder(CHAIN_ID, 1, 0)
    assert api.get(shown["statement_url"]).content == (folder / "statement.json").read_bytes()
    assert api.get(shown["events_url"]).content == (folder / "events.csv.zst").read_bytes()

"""Settlements and their bundles, for everybody; attestations, from attestors."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from backend.api.problems import responses
from backend.settlement.publication.service import ClaimProof, PublicationService, SettlementView

NUMBER_MAX = 2**53 - 1
BUNDLE_SECONDS = 60   # the name of a bundle that was not proposed yet may still be given to another

Epoch = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="epoch number, from 1")]
Attempt = Annotated[int, Path(ge=0, le=2**32 - 1, description="vetoes before this attempt")]


class Attesting(BaseModel):
    """An attestor's signature over the EIP-712 `Settlement`, compact (EIP-2098): r and vs, 64 bytes."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "attestor": "0x70997970c51812dc3a010c7d01b50e0d17dc79c8", "signature": "0x" + "5a" * 64,
    }]})

    attestor: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$")
    signature: str = Field(pattern=r"^0x[0-9a-fA-F]{128}$")
    digest: str | None = Field(default=None, pattern=r"^0x[0-9a-fA-F]{64}$", description="what was signed, to be sure")


class Settlement(BaseModel):
    """An epoch: `closed`, `published`, `proposed` or `finalised`. Amounts in micro-USDC, times in Unix milliseconds."""

    epoch: int
    attempt: int
    status: str
    chain_id: int
    escrow: str
    from_ms: int
    to_ms: int
    events: int
    total_micro_usdc: int
    fee_micro_usdc: int
    dust_micro_usdc: int
    previous_root: str | None
    publishers_root: str | None
    debits_hash: str | None
    data_hash: str | None
    digest: str | None = Field(description="what attestors sign; not in lists")
    attested_by: list[str]
    statement_url: str | None
    events_url: str | None


class Settlements(BaseModel):
    """The newest first. `next_before` is the `before` of the next page; null: no more."""

    settlements: list[Settlement]
    next_before: int | None = None


class Proof(BaseModel):
    """Arguments of `PublisherPayout.claim(index, entries, proof)`; words as decimal strings, hashes as hex."""

    epoch: int
    index: int
    recipient: str
    cumulative_micro_usdc: int
    entries: list[str]
    proof: list[str]
    root: str
    depth: int
    final: bool = Field(description="whether claims are checked against this root or a later one")


def router(service: PublicationService) -> APIRouter:
    """Routes under /v1/settlements and /bundles."""
    api = APIRouter(tags=["settlements"])

    @api.get("/v1/settlements", responses=responses())
    def settlements(
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        before: Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="only epochs below this one")] = None,
    ) -> Settlements:
        """Settlements, the newest first."""
        found = service.settlements(limit, before)
        more = len(found) == limit and found[-1].row.epoch > 1
        return Settlements(
            settlements=[_settlement(view) for view in found], next_before=found[-1].row.epoch if more else None
        )

    @api.get("/v1/settlements/pending", responses=responses())
    def pending() -> Settlements:
        """Published settlements that wait for attestations."""
        return Settlements(settlements=[_settlement(view) for view in service.pending()])

    @api.get("/v1/settlements/{epoch}", responses=responses(404))
    def settlement(epoch: Epoch) -> Settlement:
        """One settlement."""
        return _settlement(service.settlement(epoch))

    @api.post("/v1/settlements/{epoch}/{attempt}/attestations", responses=responses(400, 404, 409))
    def attest(epoch: Epoch, attempt: Attempt, body: Attesting) -> Settlement:
        """Attest a settlement. Sending the same attestation again changes nothing."""
        return _settlement(service.attest(epoch, attempt, body.attestor, body.signature, body.digest))

    @api.get("/v1/settlements/{epoch}/proof/{publisher_index}", responses=responses(404))
    def proof(epoch: Epoch, publisher_index: Annotated[int, Path(ge=0, lt=2**32)]) -> Proof:
        """What a publisher needs to claim under an epoch's root."""
        return _proof(service.proof(epoch, publisher_index))

    @api.get("/bundles/{chain_id}/{epoch}/{attempt}/{file}", responses=responses(404), response_class=FileResponse)
    def bundle(
        chain_id: Annotated[int, Path(ge=1, le=NUMBER_MAX)], epoch: Epoch, attempt: Attempt, file: str
    ) -> FileResponse:
        """`statement.json` or `events.csv.zst` of a settlement."""
        found = service.bundle_file(chain_id, epoch, attempt, file)
        return FileResponse(
            found.path, media_type=found.media_type, headers={"Cache-Control": f"public, max-age={BUNDLE_SECONDS}"}
        )

    return api


def _settlement(view: SettlementView) -> Settlement:
    row = view.row
    files = view.files() if row.data_hash else {}
    return Settlement(
        epoch=row.epoch, attempt=row.attempt, status=row.status, chain_id=view.chain_id, escrow=view.escrow,
        from_ms=row.from_ms, to_ms=row.to_ms, events=row.events, total_micro_usdc=row.total, fee_micro_usdc=row.fee,
        dust_micro_usdc=row.dust, previous_root=row.previous_root, publishers_root=row.publishers_root,
        debits_hash=row.debits_hash, data_hash=row.data_hash, digest=view.digest, attested_by=list(view.attested_by),
        statement_url=files.get("statement"), events_url=files.get("events"),
    )


def _proof(proof: ClaimProof) -> Proof:
    return Proof(
        epoch=proof.epoch, index=proof.index, recipient=proof.recipient, cumulative_micro_usdc=proof.cumulative,
        entries=[str(word) for word in proof.entries], proof=["0x" + node.hex() for node in proof.proof],
        root="0x" + proof.root.hex(), depth=proof.depth, final=proof.final,
    )

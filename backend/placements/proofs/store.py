"""Proofs of control in SQL; they stand in the rows of their worlds."""

from datetime import datetime

from sqlalchemy import Connection, Row, text

from backend.core.categories import WorldCategory, WorldEngine
from backend.core.ids import Address, PublisherIndex, WorldId
from backend.placements.proofs.proof import Method, Proof, Subject
from backend.placements.world import ListingStatus, World, WorldTerms

_SUBJECT = """
select world.*, publisher.wallet from world join publisher on publisher.index = world.publisher_index
"""


def subject_of(connection: Connection, world: WorldId, *, lock: bool = False) -> Subject | None:
    """A world and how its proof stands, whoever it belongs to."""
    row = connection.execute(
        text(_SUBJECT + " where world.id = :id" + (" for update of world" if lock else "")), {"id": world}
    ).one_or_none()
    return _subject(row) if row else None


def due_subjects(connection: Connection, checked_before: datetime, limit: int) -> list[Subject]:
    """Verified worlds that were last checked before then, the longest ago first."""
    rows = connection.execute(
        text(_SUBJECT + """ where world.proof_state = 'verified' and world.proof_checked_at <= :before
                            order by world.proof_checked_at, world.id limit :limit"""),
        {"before": checked_before, "limit": limit},
    )
    return [_subject(row) for row in rows]


def write_proof(connection: Connection, world: WorldId, proof: Proof) -> None:
    connection.execute(
        text("""update world set proof_state = :state, proof_method = :method, proof_wallet = :wallet,
                                 proof_checked_at = :checked_at, proof_failures = :failures,
                                 ads_txt_state = :ads_txt_state, ads_txt_checked_at = :ads_txt_checked_at
                 where id = :id"""),
        {
            "id": world, "state": "verified" if proof.verified else "unverified",
            "method": proof.method.value if proof.method else None, "wallet": proof.wallet,
            "checked_at": proof.checked_at, "failures": proof.failures, "ads_txt_state": proof.ads_txt_state,
            "ads_txt_checked_at": proof.ads_txt_checked_at,
        },
    )


def _subject(row: Row[tuple[object, ...]]) -> Subject:
    terms = WorldTerms(
        row.name, WorldEngine(row.engine), WorldCategory(row.category), row.url, ListingStatus(row.status), row.place
    )
    verified = row.proof_state == "verified"
    world = World(WorldId(row.id), PublisherIndex(row.publisher_index), terms, row.created_at, verified)
    proof = Proof(
        row.proof_token, verified, Method(row.proof_method) if row.proof_method else None,
        Address(row.proof_wallet) if row.proof_wallet else None, row.proof_checked_at, row.proof_failures,
        row.ads_txt_state, row.ads_txt_checked_at,
    )
    return Subject(world, Address(row.wallet), proof)

"""Shows settlements to attestors, publishers and strangers, and takes attestations in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

from backend.core.errors import BadRequest, Conflict, NotFound, Unprocessable
from backend.core.ids import Address, address
from backend.db.engine import Connection, Engine
from backend.settlement import store
from backend.settlement.attestation import SignatureError, digest, settlement_of, signer_of
from backend.settlement.publication.store import FILES, BundleFiles
from backend.settlement.statement import EVENTS_FILE, STATEMENT_FILE, Statement, data_hash, decode, publishers_tree
from backend.settlement.store import EpochRow
from backend.settlement.tree import Tree

SETTLEMENTS_MAX = 100
STATEMENTS_KEPT = 4


@dataclass(frozen=True, slots=True)
class SettlementView:
    """A settlement as shown. Hashes are 0x text, None before the bundle is published; amounts micro-USDC."""

    row: EpochRow
    chain_id: int
    escrow: str
    digest: str | None
    attested_by: Sequence[str]

    def files(self) -> Mapping[str, str]:
        """Paths of the bundle's files on this server."""
        base = f"/bundles/{self.chain_id}/{self.row.epoch}/{self.row.attempt}"
        return {"statement": f"{base}/{STATEMENT_FILE}", "events": f"{base}/{EVENTS_FILE}"}


@dataclass(frozen=True, slots=True)
class ClaimProof:
    """Arguments of `PublisherPayout.claim`; `entries` are uint256 words."""

    epoch: int
    index: int
    recipient: str
    cumulative: int
    entries: tuple[int, int, int, int]
    proof: Sequence[bytes]
    root: bytes
    depth: int
    final: bool


@dataclass(frozen=True, slots=True)
class _Published:
    """A statement read from disk and what is computed from it, kept because both take long for many publishers."""

    statement: Statement
    digest: str
    tree: Tree


@dataclass(frozen=True, slots=True)
class BundleFile:
    path: Path
    media_type: str


class Attestors(Protocol):
    """The escrow, as far as it is asked here: who may sign what it is to take."""

    @property
    def address(self) -> Address: ...

    def is_attestor(self, account: str) -> bool: ...


class PublicationService:
    """Reads are public. An attestation is taken only from a registered attestor over exactly what we published."""

    def __init__(self, engine: Engine, chain_id: int, escrow: Attestors, bundles: BundleFiles) -> None:
        self._engine = engine
        self._escrow = escrow
        self._bundles = bundles
        self._chain_id = chain_id
        self._read: dict[str, _Published] = {}
        self._reading = Lock()

    def settlements(self, limit: int, before: int | None = None) -> list[SettlementView]:
        """The newest settlements below epoch `before`."""
        with self._engine.connect() as connection:
            rows = store.read_epochs(connection, min(limit, SETTLEMENTS_MAX), before)
            attested = store.read_attestors(connection, rows)
        return [
            SettlementView(row, self._chain_id, self._escrow.address, None, attested.get((row.epoch, row.attempt), []))
            for row in rows
        ]

    def settlement(self, epoch: int) -> SettlementView:
        """One settlement. Raises NotFound."""
        with self._engine.connect() as connection:
            row = self._row(connection, epoch)
            return self._view(connection, row, self._published(row))

    def pending(self) -> list[SettlementView]:
        """What attestors should look at."""
        with self._engine.connect() as connection:
            return [self._view(connection, row, self._published(row)) for row in store.read_published(connection)]

    def attest(
        self, epoch: int, attempt: int, attestor: str, signature: str, over: str | None = None
    ) -> SettlementView:
        """Take an attestation; sending it again changes nothing. `over`: the digest that the sender thinks it signed.

        Raises NotFound, Conflict `attempt_over` or `bundle_missing`, BadRequest `signature_malformed`, Unprocessable
        `wrong_digest`, `wrong_signer` or `not_an_attestor`, and Unavailable without the chain.
        """
        claimed = _address(attestor)
        with self._engine.begin() as connection:
            row = self._row(connection, epoch)
            published = self._published(row)
            if row.attempt != attempt:
                raise Conflict("attempt_over", f"epoch {epoch} is at attempt {row.attempt}")
            if published is None:
                raise Conflict("bundle_missing", f"epoch {epoch} has no published bundle yet")
            if over is not None and over.lower() != published.digest:
                raise Unprocessable("wrong_digest", f"the digest of this attempt is {published.digest}")
            raw = _signature(signature)
            if _signer(published.digest, raw) != claimed:
                raise Unprocessable("wrong_signer", f"the signature over {published.digest} is not by {claimed}")
            if not self._escrow.is_attestor(claimed):
                raise Unprocessable("not_an_attestor", f"{claimed} is not registered in the escrow")
            store.insert_attestation(connection, epoch, attempt, claimed, published.digest, "0x" + raw.hex())
            return self._view(connection, row, published)

    def proof(self, epoch: int, index: int) -> ClaimProof:
        """What a publisher needs to claim under an epoch's root. Raises NotFound."""
        with self._engine.connect() as connection:
            row = self._row(connection, epoch)
        published = self._published(row)
        if published is None:
            raise NotFound("settlement_unknown", f"epoch {epoch} has no published bundle yet")
        entry = next((entry for entry in published.statement.entries if entry.index == index), None)
        if entry is None:
            raise NotFound("publisher_not_in_epoch", f"publisher {index} has earned nothing up to epoch {epoch}")
        tree = published.tree
        return ClaimProof(
            epoch, index, entry.recipient, int(entry.cumulative_micro_usdc), tree.group(index), tree.claim_proof(index),
            tree.root, tree.depth, row.status == "finalised",
        )

    def bundle_file(self, chain_id: int, epoch: int, attempt: int, name: str) -> BundleFile:
        """A file of a bundle. Raises NotFound for everything else, whatever is in `name`."""
        path = self._bundles.path(chain_id, epoch, attempt, name)
        if path is None:
            raise NotFound("bundle_unknown", "there is no such bundle or file")
        return BundleFile(path, FILES[name])

    def _row(self, connection: Connection, epoch: int) -> EpochRow:
        row = store.read_epoch(connection, epoch)
        if row is None:
            raise NotFound("settlement_unknown", f"there is no epoch {epoch}")
        return row

    def _view(self, connection: Connection, row: EpochRow, published: _Published | None) -> SettlementView:
        """With the attestations of what is published."""
        attestations = store.read_attestations(connection, row.epoch, row.attempt)
        signed = published.digest if published else None
        attested_by = [attestor for attestor, over, _ in attestations if signed is None or over == signed]
        return SettlementView(row, self._chain_id, self._escrow.address, signed, attested_by)

    def _published(self, row: EpochRow) -> _Published | None:
        """The bundle that our tables mean, from disk."""
        if row.data_hash is None:
            return None
        if row.data_hash not in self._read:
            raw = self._bundles.read_statement(self._chain_id, row.epoch, row.attempt)
            if raw is None or "0x" + data_hash(raw).hex() != row.data_hash:
                return None
            statement = decode(raw)
            signed = digest(settlement_of(statement, raw), self._chain_id, self._escrow.address)
            published = _Published(statement, "0x" + signed.hex(), publishers_tree(statement.entries))
            with self._reading:
                while len(self._read) >= STATEMENTS_KEPT:
                    self._read.pop(next(iter(self._read)))
                self._read[row.data_hash] = published
            return published
        return self._read.get(row.data_hash)


def _address(text: str) -> Address:
    try:
        return address(text)
    except ValueError as error:
        raise BadRequest("address_malformed", "an address is 0x and 40 hex digits") from error


def _signature(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise BadRequest("signature_malformed", "a signature is 0x and 128 hex digits") from error


def _signer(over: str, signature: bytes) -> Address:
    try:
        return signer_of(bytes.fromhex(over.removeprefix("0x")), signature)
    except SignatureError as error:
        raise BadRequest("signature_malformed", str(error)) from error

"""Looks whether publishers control their worlds: when they ask for it, and every day after that.

Strangers' servers and the land's chain are asked outside of transactions; what they said is saved only when the world
is still the same.
"""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from backend.core.errors import BadRequest, Conflict, NotAllowed, NotFound, TooMany, Unavailable, Unprocessable
from backend.core.ids import Address, WorldId
from backend.db.audit import record
from backend.db.engine import Connection, Engine
from backend.db.notices import notify
from backend.net.addresses import FetchRefused, literal
from backend.net.client import Dns, SafeFetcher
from backend.placements.listings.lists import reads_as
from backend.placements.proofs import proof as rules
from backend.placements.proofs import store
from backend.placements.proofs.proof import Method, Proof, Subject
from backend.placements.proofs.signed_fetch import read
from backend.placements.proofs.signing import signer
from backend.placements.world import place_of, proved_thing

if TYPE_CHECKING:               # web3 comes with it
    from backend.placements.proofs.client import LandClient

log = logging.getLogger("sightline.proofs")

FILE_BYTES_MAX = 65_536
SECONDS_MAX = 5.0
DUE_AT_ONCE = 20
LOOKS_AT_ONCE = 8
"""So that strangers' slow servers never hold all threads of a process."""
RETRY_AFTER_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found. `found` None: could not be asked, which is nobody's fault but ours."""

    found: bool | None
    detail: str = ""
    wallet: Address | None = None


class ProofService:
    """`domain` is our host, `land` None where no chain of land is configured."""

    def __init__(
        self, engine: Engine, fetcher: SafeFetcher, dns: Dns, land: "LandClient | None", *, public_url: str,
        required: bool,
    ) -> None:
        self._engine = engine
        self._fetcher = fetcher
        self._dns = dns
        self._land = land
        self.public_url = public_url.rstrip("/")
        self.domain = urlsplit(public_url).hostname or ""
        self.required = required
        self._looks = threading.BoundedSemaphore(LOOKS_AT_ONCE)

    def subject(self, account: Address, world: WorldId) -> Subject:
        """The account's world with its proof. Raises NotFound `world_unknown`."""
        with self._engine.begin() as connection:
            return _own(store.subject_of(connection, world), account, world)

    def methods(self, subject: Subject) -> tuple[Method, ...]:
        """How this world can be proved here: land only where its chain is configured, DNS only of names."""
        return tuple(
            method for method in subject.methods
            if not (method in rules.DECENTRALAND and self._land is None)
            and not (method is Method.DNS and literal(subject.host))
        )

    def prove(
        self, account: Address, world: WorldId, method: Method, signature: str | None, now: datetime
    ) -> Subject:
        """Look for the proof now; with it the world is verified. A world that was verified stays so without.

        Raises NotFound, BadRequest `signature_missing`, Unprocessable `proof_method` or `proof_not_found`, Conflict
        `world_changed`, TooMany `proofs_busy` or Unavailable `land_unavailable`.
        """
        subject = self.subject(account, world)
        if method not in self.methods(subject) or method is Method.SCENE:
            raise Unprocessable("proof_method", f"this world cannot be proved by {method} here")
        with self._looking():
            looked = self._by_signature(subject, signature) if method is Method.LAND else self._look(subject, method)
            if not looked.found:
                raise Unprocessable("proof_not_found", looked.detail)
            return self._save(subject, method, looked.wallet, now)

    def prove_by_scene(self, world: WorldId, headers: Mapping[str, str], path: str, now: datetime) -> Subject:
        """Verify a world by a signed fetch out of its scene, by its publisher's own wallet, which must hold the land.

        Raises BadRequest, NotSignedIn (the chain of signatures), NotFound, NotAllowed `scene_elsewhere` or
        `not_the_land`, Unprocessable `proof_method`, Conflict, TooMany or Unavailable.
        """
        fetch = read(headers, "post", path, now)
        with self._engine.begin() as connection:
            subject = _own(store.subject_of(connection, world), fetch.wallet, world)
        place = subject.world.terms.place
        if Method.SCENE not in self.methods(subject) or place is None:
            raise Unprocessable("proof_method", "this world cannot be proved out of its scene here")
        if not fetch.stands_at(place):
            raise NotAllowed("scene_elsewhere", f"the request does not come out of a scene at {place}")
        with self._looking():
            if not self._holds(subject, fetch.wallet):
                raise NotAllowed("not_the_land", f"this wallet neither owns nor operates {place}")
            return self._save(subject, Method.SCENE, fetch.wallet, now)

    def check_due(self, now: datetime) -> bool:
        """Look again at some worlds that were last checked a day ago; True when more may be waiting."""
        with self._engine.begin() as connection:
            subjects = store.due_subjects(connection, now - rules.CHECK_AGAIN, DUE_AT_ONCE)
        for subject in subjects:
            looked = self._look_again(subject)
            listed = self._read_world_ads(subject, now)
            self._save_check(subject, listed, looked, now)
        return len(subjects) == DUE_AT_ONCE

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """One of a few looks at once in this process."""
        if not self._looks.acquire(blocking=False):
            raise TooMany(
                "proofs_busy", "too many proofs are being looked for", retry_after_seconds=RETRY_AFTER_SECONDS
            )
        try:
            yield
        finally:
            self._looks.release()

    # ---- looking ------------------------------------------------------------------------------------------------

    def _look(self, subject: Subject, method: Method) -> Looked:
        """Look in DNS or in the file on the world's host."""
        try:
            if method is Method.DNS:
                lines = self._dns.texts(rules.dns_name(subject.host), SECONDS_MAX)
            else:
                lines = self._file(subject.origin + rules.FILE_PATH)
        except FetchRefused as refusal:
            return Looked(False, f"it could not be read ({refusal.reason}: {refusal.detail})")
        if method is Method.WALLET_FILE:
            found = rules.says_signature(lines, subject.statement(self.domain), subject.account)
        else:
            found = rules.says_token(lines, subject.proof.token)
        return Looked(found, "" if found else "it was read, but the line is not there")

    def _file(self, url: str) -> list[str]:
        """Lines of a stranger's text file. Raises FetchRefused; a file that is not there has no lines."""
        answer = self._fetcher.fetch("GET", url, bytes_max=FILE_BYTES_MAX, seconds_max=SECONDS_MAX)
        return answer.body.decode("utf-8", "replace").splitlines() if answer.status == 200 else []

    def _by_signature(self, subject: Subject, signature: str | None) -> Looked:
        if signature is None:
            raise BadRequest("signature_missing", "give the signature of the message by who holds the land")
        wallet = signer(subject.statement(self.domain), signature)
        if wallet is None:
            return Looked(False, "this is no signature of an ordinary account")
        holds = self._holds(subject, wallet)
        return Looked(holds, "" if holds else f"{wallet} neither owns nor operates {subject.thing}", wallet)

    def _holds(self, subject: Subject, wallet: Address) -> bool:
        place = place_of(subject.world.terms.place or "")
        if place is None or self._land is None:
            return False
        return wallet in self._land.holders(place)

    def _look_again(self, subject: Subject) -> Looked:
        method, wallet = subject.proof.method, subject.proof.wallet
        assert method is not None       # verified worlds have one: the table says so
        if method in rules.WEB:
            return self._look(subject, method)
        if wallet is None or self._land is None:
            return Looked(None)
        try:
            return Looked(self._holds(subject, wallet), "the land has changed hands")
        except Unavailable:
            return Looked(None)

    def _read_world_ads(self, subject: Subject, now: datetime) -> Proof:
        """The proof with what the world's own world-ads.txt says of us; in Decentraland there is nowhere to put one."""
        if subject.proof.method not in rules.WEB:
            return subject.proof
        try:
            lines = self._file(subject.origin + rules.WORLD_ADS_PATH)
            content = "\n".join(lines) or None
        except FetchRefused:
            content = None
        state = reads_as(content, self.domain, subject.world.publisher_index, subject.world.id)
        return replace(subject.proof, ads_txt_state=state.value, ads_txt_checked_at=now)

    # ---- saving -------------------------------------------------------------------------------------------------

    def _save(self, seen: Subject, method: Method, wallet: Address | None, now: datetime) -> Subject:
        proof = rules.proved(self._read_world_ads(replace(seen, proof=replace(seen.proof, method=method)), now),
                             method, wallet, now)
        with self._engine.begin() as connection:
            if _changed(connection, seen):
                raise Conflict("world_changed", "the world was changed while its proof was looked for; ask again")
            store.write_proof(connection, seen.world.id, proof)
            record(connection, "world.verify", f"world:{seen.world.id}", method=method, wallet=wallet)
            if not seen.proof.verified:
                notify(connection, seen.account, "world.verified", world=seen.world.id, method=method)
        return replace(seen, proof=proof, world=replace(seen.world, verified=True))

    def _save_check(self, seen: Subject, proof: Proof, looked: Looked, now: datetime) -> None:
        if looked.found is None:
            log.warning("the land of world %s cannot be asked for now; its proof is left as it was", seen.world.id)
        checked = rules.checked(proof, looked.found, now)
        with self._engine.begin() as connection:
            if _changed(connection, seen):
                return
            store.write_proof(connection, seen.world.id, checked)
            if looked.found is not False:
                return
            kind = "world.proof_missed" if checked.verified else "world.unverified"
            notify(
                connection, seen.account, kind, world=seen.world.id, reason=looked.detail,
                checks_left=rules.FAILURES_MAX - checked.failures,
            )
            if not checked.verified:
                record(connection, "world.unverify", f"world:{seen.world.id}", failures=checked.failures)


def _changed(connection: Connection, seen: Subject) -> bool:
    """Whether the world or its proof is another than when we began to look."""
    now = store.subject_of(connection, seen.world.id, lock=True)
    return now is None or (proved_thing(now.world.terms), now.proof) != (proved_thing(seen.world.terms), seen.proof)


def _own(found: Subject | None, account: Address, world: WorldId) -> Subject:
    if found is None or found.account != account:
        raise NotFound("world_unknown", f"you have no world {world}")
    return found

"""Worlds over HTTP, and the proof that their publishers control them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.access import Access
from backend.api.fields import After, Body, IdempotencyKey, Limit, Name, PathId, Url, next_after
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.core.categories import WorldCategory, WorldEngine
from backend.core.ids import Address, WorldId
from backend.placements.listings.lists import AdsTxtState
from backend.placements.proofs.proof import (
    FILE_PATH,
    PREFIX,
    SIGNATURE_PREFIX,
    WORLD_ADS_PATH,
    Method,
    Subject,
    dns_name,
)
from backend.placements.proofs.service import ProofService
from backend.placements.proofs.signed_fetch import CHAIN_PREFIX, LINKS_MAX, METADATA, TIMESTAMP
from backend.placements.service import PlacementService
from backend.placements.world import ListingStatus, World, WorldTerms

Place = Annotated[
    str,
    Field(min_length=2, max_length=32, description="in Decentraland: a parcel `12,-34` or a name `harbour.dcl.eth`"),
]
SIGNED_HEADERS = [f"{CHAIN_PREFIX}{place}" for place in range(LINKS_MAX)] + [TIMESTAMP, METADATA]
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}      # scenes run on origins of their own; their signature is the key
PREFLIGHT = ANY_ORIGIN | {
    "Access-Control-Allow-Methods": "POST", "Access-Control-Max-Age": "86400",
    "Access-Control-Allow-Headers": ", ".join(["content-type", *SIGNED_HEADERS]),
}


class WorldBody(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{
            "name": "Harbour", "engine": "three", "category": "games", "url": "https://harbour.example/",
        }]},
    )
    name: Name
    engine: WorldEngine
    category: WorldCategory
    url: Url
    place: Place | None = None

    def terms(self) -> WorldTerms:
        return WorldTerms(self.name, self.engine, self.category, self.url, place=self.place)


class WorldChange(Body):
    """What is left out stays as it is. A world with another `url` or `place` has to be proved again."""

    name: Name | None = None
    category: WorldCategory | None = None
    url: Url | None = None
    place: Place | None = None
    status: ListingStatus | None = None

    def applied(self, terms: WorldTerms) -> WorldTerms:
        return replace(
            terms, name=self.name or terms.name, category=self.category or terms.category, url=self.url or terms.url,
            status=self.status or terms.status, place=self.place or terms.place,
        )


class WorldAnswer(BaseModel):
    id: int
    publisher_index: int
    name: str
    engine: WorldEngine
    category: WorldCategory
    url: str
    place: str | None
    verified: bool = Field(description="whether you have proved that you control it")
    status: ListingStatus
    created_at: datetime


class WorldPage(BaseModel):
    items: list[WorldAnswer]
    next_after: int | None


class ProofBody(Body):
    """`signature`: for `land`, of the message by who holds the land."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"method": "dns"}]})
    method: Method
    signature: Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{130}$")] | None = None


class ProofWay(BaseModel):
    """One way to prove control: put `content` at `at`; or have `message` signed (EIP-191) and put or send that."""

    method: Method
    at: str
    content: str | None = None
    message: str | None = None


class WorldAds(BaseModel):
    """Your own world-ads.txt, as it was last read. Nothing depends on it; buyers look at it."""

    url: str
    state: AdsTxtState | None
    checked_at: datetime | None


class ProofAnswer(BaseModel):
    """`required`: only verified worlds sell. `checks_missed` daily checks in a row; with the third it is unverified."""

    world_id: int
    verified: bool
    required: bool
    method: Method | None
    checked_at: datetime | None
    checks_missed: int
    ways: list[ProofWay]
    world_ads_txt: WorldAds | None


def router(
    service: PlacementService, proofs: ProofService, access: Access, clock: Callable[[], float]
) -> APIRouter:
    """Routes under /v1/worlds. `clock` gives Unix seconds."""
    api = APIRouter(prefix="/v1")
    _add_worlds(api, service, access)
    _add_proofs(api, proofs, access, clock)
    return api


def _add_worlds(api: APIRouter, service: PlacementService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_WRITE))]

    @api.post("/worlds", status_code=201, tags=["worlds"], summary="Add a world; your first makes you a publisher",
              responses=responses(401, 403, 409))
    def create(body: WorldBody, wallet: Writer, key: IdempotencyKey = None) -> WorldAnswer:
        return _world(service.create_world(wallet, body.terms(), key=key))

    @api.get("/worlds", tags=["worlds"], summary="Your worlds", responses=responses(401))
    def page(wallet: Reader, after: After = 0, limit: Limit = 50) -> WorldPage:
        items = [_world(world) for world in service.worlds(wallet, after=after, limit=limit)]
        return WorldPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/worlds/{world}", tags=["worlds"], summary="One world", responses=responses(401, 404))
    def read(world: PathId, wallet: Reader) -> WorldAnswer:
        return _world(service.world(wallet, WorldId(world)))

    @api.patch("/worlds/{world}", tags=["worlds"], summary="Rename, move, pause or resume a world",
               responses=responses(401, 403, 404))
    def change(world: PathId, body: WorldChange, wallet: Writer) -> WorldAnswer:
        return _world(service.change_world(wallet, WorldId(world), body.applied))


def _add_proofs(api: APIRouter, proofs: ProofService, access: Access, clock: Callable[[], float]) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_WRITE))]

    @api.get("/worlds/{world}/proof", tags=["worlds"],
             summary="How to prove that you control a world, and how it stands", responses=responses(401, 404))
    def read_proof(world: PathId, wallet: Reader) -> ProofAnswer:
        return _proof(proofs, proofs.subject(wallet, WorldId(world)))

    @api.post("/worlds/{world}/proof", tags=["worlds"], summary="Look for the proof now",
              responses=responses(400, 401, 403, 404, 409, 429))
    def prove(world: PathId, body: ProofBody, wallet: Writer) -> ProofAnswer:
        return _proof(proofs, proofs.prove(wallet, WorldId(world), body.method, body.signature, _now(clock)))

    @api.post("/worlds/{world}/proof/scene", tags=["worlds"], summary="Prove a Decentraland world out of its scene",
              responses=responses(400, 401, 403, 404, 409, 429))
    def prove_by_scene(
        world: PathId, request: Request, response: Response,
        x_identity_timestamp: Annotated[str, Header(max_length=16)] = "",
        x_identity_metadata: Annotated[str, Header(max_length=4_096)] = "",
    ) -> ProofAnswer:
        """Called by the scene with `signedFetch` while you, with the wallet that holds the land, stand in it."""
        response.headers.update(ANY_ORIGIN)
        path = f"/v1/worlds/{world}/proof/scene"
        return _proof(proofs, proofs.prove_by_scene(WorldId(world), request.headers, path, _now(clock)))

    @api.options("/worlds/{world}/proof/scene", include_in_schema=False)
    def preflight(world: Annotated[str, Path()]) -> Response:
        return Response(status_code=204, headers=PREFLIGHT)


def _now(clock: Callable[[], float]) -> datetime:
    return datetime.fromtimestamp(clock(), UTC)


def _world(world: World) -> WorldAnswer:
    terms = world.terms
    return WorldAnswer(
        id=world.id, publisher_index=world.publisher_index, name=terms.name, engine=terms.engine,
        category=terms.category, url=terms.url, place=terms.place, verified=world.verified, status=terms.status,
        created_at=world.created_at,
    )


def _proof(proofs: ProofService, subject: Subject) -> ProofAnswer:
    proof = subject.proof
    methods = proofs.methods(subject)
    return ProofAnswer(
        world_id=subject.world.id, verified=proof.verified, required=proofs.required, method=proof.method,
        checked_at=proof.checked_at, checks_missed=proof.failures,
        ways=[_way(proofs, subject, method) for method in methods],
        world_ads_txt=_world_ads(subject) if Method.FILE in methods else None,
    )


def _world_ads(subject: Subject) -> WorldAds:
    proof = subject.proof
    state = AdsTxtState(proof.ads_txt_state) if proof.ads_txt_state else None
    return WorldAds(url=subject.origin + WORLD_ADS_PATH, state=state, checked_at=proof.ads_txt_checked_at)


def _way(proofs: ProofService, subject: Subject, method: Method) -> ProofWay:
    token, message = PREFIX + subject.proof.token, subject.statement(proofs.domain)
    own = f"{proofs.public_url}/v1/worlds/{subject.world.id}/proof"
    file = subject.origin + FILE_PATH
    return {
        Method.DNS: ProofWay(method=method, at=dns_name(subject.host), content=token),
        Method.FILE: ProofWay(method=method, at=file, content=token),
        Method.WALLET_FILE: ProofWay(method=method, at=file, content=f"{SIGNATURE_PREFIX}0x…", message=message),
        Method.LAND: ProofWay(method=method, at=own, message=message),
        Method.SCENE: ProofWay(method=method, at=f"{own}/scene"),
    }[method]

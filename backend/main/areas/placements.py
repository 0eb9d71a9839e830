"""What publishers offer, and whether it is theirs to offer."""

from fastapi import FastAPI

from backend.api import deals, explanations, listings, placements, worlds
from backend.config import Settings
from backend.db.engine import Engine
from backend.jobs.proofs import ProofsJob
from backend.main.parts import Loop, ServeParts, WorkerParts, safe_fetcher
from backend.net.client import Dns
from backend.placements.deals.service import DealService
from backend.placements.explanations.service import ExplanationService
from backend.placements.listings.service import ListingService
from backend.placements.proofs.service import ProofService
from backend.placements.service import PlacementService


def include(app: FastAPI, parts: ServeParts) -> None:
    settings = parts.settings
    service = PlacementService(parts.engine, settings.chain_id)
    proofs = _proofs(parts.engine, settings)
    listing = ListingService(
        parts.engine, public_url=settings.public_url, contact=settings.contact_email,
        require_proof=settings.proof_required,
    )
    explanation = ExplanationService(parts.engine, require_proof=settings.proof_required)
    app.include_router(worlds.router(service, proofs, parts.access, parts.clock))
    app.include_router(placements.router(service, parts.access))
    app.include_router(deals.router(DealService(parts.engine, clock=parts.clock), parts.access))
    app.include_router(listings.router(listing, parts.access))
    app.include_router(explanations.router(explanation, parts.access, parts.clock))


def loops(parts: WorkerParts) -> list[Loop]:
    return [Loop("proofs", ProofsJob(_proofs(parts.engine, parts.settings)).step, idle_seconds=60.0)]


def _proofs(engine: Engine, settings: Settings) -> ProofService:
    land = None
    if settings.land_rpc_url:
        from backend.placements.proofs.client import LandClient  # with web3, which others do without

        land = LandClient(
            settings.land_rpc_url, settings.land_contract, settings.estate_contract, settings.names_contract
        )
    return ProofService(
        engine, safe_fetcher(settings), Dns(settings.dns_servers), land, public_url=settings.public_url,
        required=settings.proof_required,
    )

"""What happened after an ad was seen, and hours of sponsorships: from the event to the ledger."""

from fastapi import FastAPI

from backend.api import conversions
from backend.conversions.client import LogReader
from backend.conversions.service import ChainConversions, GoalService, Landing, PostbackService, WaitingConversions
from backend.jobs.conversions import ChainConversionsJob, WaitingConversionsJob
from backend.jobs.sponsorship import SponsorshipJob
from backend.ledger.sponsorship.service import SponsorshipService
from backend.main.parts import Loop, ServeParts, WorkerParts


def include(app: FastAPI, parts: ServeParts) -> None:
    settings = parts.settings
    key = settings.token_key_bytes
    reader = LogReader(settings.rpc_url)
    goals = GoalService(parts.engine, key, reader, settings.confirmations, clock=parts.clock)
    postbacks = PostbackService(parts.engine, parts.redis, key, settings.token_seconds, clock=parts.clock)
    app.include_router(conversions.router(goals, postbacks, parts.access))


def landing(parts: ServeParts) -> Landing:
    """Where clicks lead, for the route that follows them."""
    return Landing(parts.engine, parts.settings.token_key_bytes)


def loops(parts: WorkerParts) -> list[Loop]:
    settings = parts.settings
    reader = LogReader(settings.rpc_url)
    waiting = WaitingConversions(parts.engine, parts.redis, settings.token_seconds)
    chain = ChainConversions(parts.engine, parts.redis, reader, settings.confirmations)
    sponsorship = SponsorshipService(parts.engine, settings.chain_id)
    return [
        Loop("waiting conversions", WaitingConversionsJob(waiting).step, idle_seconds=1.0),
        Loop("on-chain conversions", ChainConversionsJob(chain).step, idle_seconds=2.0),
        Loop("sponsorship", SponsorshipJob(sponsorship).step, idle_seconds=5.0),
    ]

"""Invalid traffic: the lists of the door, sums and flags, and what is given back."""

from fastapi import FastAPI

from backend.api import traffic
from backend.jobs.traffic import ListsJob, ReversalJob, TrafficJob
from backend.ledger.reversal.service import ReversalService
from backend.main.parts import Loop, ServeParts, WorkerParts, safe_fetcher
from backend.traffic.flags.service import FlagService
from backend.traffic.service import ListFeed, ListKeeper, TrafficService


def include(app: FastAPI, parts: ServeParts) -> None:
    flags = FlagService(parts.engine, parts.settings.ruleset, clock=parts.clock)
    app.include_router(traffic.router(flags, parts.access))


def lists(parts: ServeParts) -> ListFeed:
    """For the route that takes events; started and stopped with the process."""
    return ListFeed(parts.engine)


def loops(parts: WorkerParts) -> list[Loop]:
    settings = parts.settings
    job = TrafficJob(TrafficService(parts.engine, settings.ruleset))
    reversal = ReversalJob(ReversalService(parts.engine, settings.chain_id))
    found = [
        Loop("reversals", reversal.step, idle_seconds=1.0),
        Loop("traffic marks", job.forget, idle_seconds=600.0),
    ]
    if settings.flags_traffic:
        keeper = ListsJob(ListKeeper(parts.engine, safe_fetcher(settings)))
        found += [
            Loop("traffic", job.step, idle_seconds=2.0),
            Loop("traffic lists", keeper.step, idle_seconds=600.0),
        ]
    return found

"""OpenRTB: what serving and ingest do for exchanges and external bidders, handed to the stage that speaks to them."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import FastAPI

from backend.api import openrtb, openrtb_partners
from backend.conversions.service import Landing
from backend.core.decision_token import DecisionToken
from backend.ingest.links.service import ClickLinks
from backend.ingest.service import IngestService
from backend.main.parts import ServeParts
from backend.net.client import Dns
from backend.openrtb.asking import Known
from backend.openrtb.demand.client import BidderClient
from backend.openrtb.demand.service import DemandService
from backend.openrtb.partners.service import PartnerService
from backend.openrtb.supply.service import ExchangeDirectory, NoticeService, OurSide, SupplyService
from backend.serving.service import DecisionService


@dataclass(frozen=True, slots=True)
class _Clicks:
    """Where an ad that another exchange shows leads: as /c/{token}, for a token of theirs."""

    links: ClickLinks
    landing: Landing

    async def of(self, facts: DecisionToken) -> str | None:
        target = self.links.target(facts.creative)
        return target and await self.landing.url(target, facts.line_item, facts.decision_id)


def demand(parts: ServeParts) -> DemandService:
    """Who asks external bidders; needed before anything is decided."""
    settings = parts.settings
    client = BidderClient(Dns(settings.dns_servers).addresses, allow_local=settings.fetch_local)
    return DemandService(
        parts.engine, parts.fast_redis, client, _domain(parts), settings.token_seconds, clock=parts.clock
    )


def include(
    app: FastAPI, parts: ServeParts, decisions: DecisionService, ingest: IngestService, asking: DemandService,
    landing: Landing, links: ClickLinks, known: Known | None = None,
) -> None:
    """`known`: the lists by which requests of programs are refused."""
    settings, key = parts.settings, parts.settings.token_key_bytes
    directory = ExchangeDirectory(parts.engine)
    ours = OurSide(
        decide=decisions.supply, lower=decisions.lower, give_back=decisions.give_back,
        seen=ingest.outside, clicked=links.count_outside, landing=_Clicks(links, landing).of,
    )
    supply = SupplyService(directory, ours, key, settings.ruleset, settings.public_url, known)
    notices = NoticeService(directory, parts.engine, parts.fast_redis, ours, key, settings.public_url)

    def changed() -> None:
        directory.forget()
        asking.forget()

    partners = PartnerService(
        parts.engine, parts.redis, allow_local=settings.fetch_local, domain=_domain(parts), clock=parts.clock,
        changed=changed,
    )
    app.include_router(openrtb.router(supply, notices))
    app.include_router(openrtb_partners.router(partners, parts.access, _domain(parts)))


def _domain(parts: ServeParts) -> str:
    return urlsplit(parts.settings.public_url).hostname or ""

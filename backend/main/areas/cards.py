"""Money that comes by card, and USDC that advertisers buy for their wallets."""

from functools import partial

from eth_account import Account
from fastapi import FastAPI

from backend.api import cards, onramp, stripe_webhooks
from backend.config import MissingSetting, Settings
from backend.core.ids import Address, address
from backend.main.parts import Loop, ServeParts, WorkerParts
from backend.main.signing import signer
from backend.onramp.client import StripeGateway, gateway
from backend.onramp.purchases.service import OnrampService
from backend.onramp.service import CardService, CardUpkeep
from backend.onramp.tiers import CardTerms, TierTerms
from backend.onramp.webhooks.service import WebhookService, tell

ASK_SECONDS = 30.0


def include(app: FastAPI, parts: ServeParts) -> None:
    settings = parts.settings
    stripe = _gateway(settings)
    card_service = CardService(
        parts.engine, settings.chain_id, _treasury(settings), stripe, _terms(settings),
        f"{settings.public_url}/", clock=parts.clock,
    )
    onramp_service = OnrampService(parts.engine, settings.chain_id, stripe, network=settings.onramp_network)
    webhook_secret = settings.stripe_webhook_secret
    webhook_service = webhook_secret and WebhookService(
        parts.engine, webhook_secret.get_secret_value(), clock=parts.clock
    )
    app.include_router(cards.router(card_service, parts.access))
    app.include_router(onramp.router(onramp_service, parts.access))
    app.include_router(stripe_webhooks.router(webhook_service or None))


def loops(parts: WorkerParts) -> list[Loop]:
    """None without Stripe. Raises MissingSetting without the treasury's key, or when it is the operator's."""
    settings = parts.settings
    stripe = _gateway(settings)
    if stripe is None:
        return []
    from backend.chain.client import Chain  # with web3, which servers of requests do without
    from backend.jobs.cards import CardsJob, TreasuryJob
    from backend.onramp.treasury.client import TreasuryClient
    from backend.onramp.treasury.service import TreasuryService

    key = signer(settings, "treasury")
    chain = Chain(settings.rpc_url, settings.chain_id, signer=key)
    client = TreasuryClient(
        chain, key, settings.contract("CampaignEscrow"), settings.token, settings.confirmations
    )
    if client.address == parts.operator.chain.sender or client.address != _treasury(settings):
        raise MissingSetting("a treasury key of an account of its own, and its address as SIGHTLINE_TREASURY_ADDRESS")
    job = CardsJob(CardUpkeep(parts.engine, settings.chain_id, client.address, stripe, partial(tell, parts.engine)))
    treasury = TreasuryJob(TreasuryService(parts.engine, client))
    return [
        Loop("cards", job.step, idle_seconds=2.0),
        Loop("stripe", job.ask, idle_seconds=ASK_SECONDS),
        Loop("treasury", treasury.step, idle_seconds=1.0),
    ]


def _gateway(settings: Settings) -> StripeGateway | None:
    """Stripe, when it is set up whole: without webhooks nobody would hear of payments."""
    if settings.stripe_key is None or settings.stripe_webhook_secret is None:
        return None
    return gateway(settings.stripe_key.get_secret_value(), settings.stripe_url)


def _treasury(settings: Settings) -> Address | None:
    if settings.treasury_address:
        return address(settings.treasury_address)
    key = settings.treasury_key
    return None if key is None else address(Account.from_key(key.get_secret_value()).address)


def _terms(settings: Settings) -> CardTerms:
    return CardTerms(
        new=TierTerms(settings.card_hold_days_new, settings.card_daily_cents_max_new),
        trusted=TierTerms(settings.card_hold_days_trusted, settings.card_daily_cents_max_trusted),
        trusted_after_days=settings.card_trusted_after_days,
    )

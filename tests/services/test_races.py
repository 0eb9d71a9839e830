"""Requests that come at once: each is done, or refused with its code; nothing is done twice, none ends in an error."""

import secrets
import sys
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from backend.auth import store as sessions
from backend.auth.caller import Caller
from backend.auth.keys.key import KEYS_MAX, ApiKey
from backend.auth.keys.service import KeyService
from backend.auth.organisations.organisation import Invitation
from backend.auth.organisations.service import OrganisationService
from backend.auth.permissions import KEY_SCOPES, MemberRole, PlatformRole
from backend.auth.platform.service import PlatformService
from backend.auth.session import Visitor
from backend.campaigns.line_item import LineItem, LineItemTerms, Pacing
from backend.campaigns.service import CampaignService
from backend.campaigns.targeting import Targeting
from backend.core import acting
from backend.core.categories import WorldCategory, WorldEngine
from backend.core.errors import SightlineError
from backend.core.events import BidKind
from backend.core.ids import Address, CampaignId, LineItemId, PlacementId
from backend.db.engine import make_engine
from backend.db.idempotency import once
from backend.db.notices import notify
from backend.onramp import store as cards
from backend.operation.webhooks.service import WebhookService
from backend.placements.blocks import Block, BlockKind, BlockTerms
from backend.placements.deals.deal import OPEN_DEALS_MAX, Deal, DealTerms, PriceKind
from backend.placements.deals.service import DealService
from backend.placements.service import PlacementService
from backend.placements.world import WorldTerms
from backend.privacy.erasure.service import Erased, ErasureService

sys.path.insert(0, str(Path(__file__).resolve().parent))
from races_kit import interleave

from bench.market import Market

CHAIN_ID = 31_337
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
NEXT_WEEK = NOW.replace(minute=0, second=0, microsecond=0) + timedelta(days=7)
KEY = bytes(range(1, 33))


@pytest.fixture(scope="module")
def engine(servers: Any, worker: str) -> Iterator[Engine]:
    """A migrated database of these tests' own: each has accounts of its own in it."""
    url, name = make_url(servers.database_url), f"sightline_test_{worker}_races"
    maintenance = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)")
        connection.execute(f"create database {name} template sightline_test_template")
        engine = make_engine(url.set(database=name).render_as_string(hide_password=False))
        yield engine
        engine.dispose()
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def market(engine: Engine) -> Market:
    return Market(engine, engine.url.render_as_string(hide_password=False), CHAIN_ID)


@pytest.fixture
def account() -> Address:
    """Somebody new in each test."""
    return Address("0x" + secrets.token_hex(20))


def counted(engine: Engine, rows: str, **bound: object) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"select count(*) from {rows}"), bound).scalar_one())


def code(outcome: object) -> str:
    """Of a refusal; anything else is no answer to a request."""
    assert isinstance(outcome, SightlineError), repr(outcome)
    return outcome.code


# ---- sponsorships --------------------------------------------------------------------------------------------------


def hours_of(placement: int, bid: int = 1_000_000) -> LineItemTerms:
    return LineItemTerms(
        "Takeover", BidKind.SPONSORSHIP, bid, None, None, Pacing.ASAP, NEXT_WEEK, NEXT_WEEK + 2 * HOUR,
        Targeting(placements=(placement,)),
    )


def sponsor(owner: Address, campaign: int, terms: LineItemTerms) -> Any:
    return lambda engine: CampaignService(engine, CHAIN_ID).create_line_item(owner, CampaignId(campaign), terms)


def dearer(terms: LineItemTerms) -> LineItemTerms:
    return replace(terms, bid_micro_usdc=2_000_000)


def test_book__booked_line_item_is_changed_while_another_wants_its_hours__the_booked_one_keeps_them(
    engine: Engine, market: Market
) -> None:
    """L54: the change gives the hours back and takes them again in one transaction."""
    placement = market.placement(market.world(1), hourly_floor_micro_usdc=1)
    mine, theirs = Address("0x" + "a1" * 20), Address("0x" + "a2" * 20)
    own, other = market.campaign(11, 10**9, mine), market.campaign(12, 10**9, theirs)
    booked = sponsor(mine, own, hours_of(placement))(engine)

    def change(at: Engine) -> LineItem:
        return CampaignService(at, CHAIN_ID).change_line_item(mine, booked.id, dearer)

    changed, refused = interleave(
        engine, change, sponsor(theirs, other, hours_of(placement)), after="booked_placement_id = null"
    )
    assert isinstance(changed, LineItem), repr(changed)
    assert code(refused) == "placement_sponsored"


def test_book__two_change_places__one_after_the_other(engine: Engine, market: Market) -> None:
    """L54: each wants the hours that the other has."""
    world = market.world(1)
    here, there = (market.placement(world, hourly_floor_micro_usdc=1) for _ in range(2))
    owner = Address("0x" + "a3" * 20)
    campaigns = [market.campaign(number, 10**9, owner) for number in (13, 14)]
    one = sponsor(owner, campaigns[0], hours_of(here))(engine)
    two = sponsor(owner, campaigns[1], hours_of(there))(engine)

    def move(item: LineItemId, to: int) -> Any:
        return lambda at: CampaignService(at, CHAIN_ID).change_line_item(owner, item, lambda _: hours_of(to))

    told = interleave(engine, move(one.id, there), move(two.id, here), after="booked_placement_id = null")
    assert [code(outcome) for outcome in told] == ["placement_sponsored"] * 2


# ---- publishers ----------------------------------------------------------------------------------------------------


def test_block__the_same_is_unblocked_at_once__blocked_afterwards(engine: Engine, account: Address) -> None:
    placements, terms = PlacementService(engine, CHAIN_ID), BlockTerms(BlockKind.CATEGORY, "games")
    placements.create_world(account, WorldTerms("W", WorldEngine.THREE, WorldCategory.GAMES, "https://w.example/"))
    known = placements.block(account, terms)
    again, gone = interleave(
        engine, lambda at: PlacementService(at, CHAIN_ID).block(account, terms),
        lambda at: PlacementService(at, CHAIN_ID).unblock(account, known.id), after="insert into publisher_block",
    )
    assert isinstance(again, Block), repr(again)
    assert gone is None
    assert placements.blocks(account) == []


# ---- keys ----------------------------------------------------------------------------------------------------------


def test_make_key__two_at_once_when_one_may_be_made__one(engine: Engine, account: Address) -> None:
    """L70."""
    creator = Caller(account=account, member=account, permissions=KEY_SCOPES)
    with engine.begin() as connection:
        connection.execute(text(
            "insert into api_key (account, name, prefix, digest, scopes, created_by, created_at) "
            "select :account, 'Old', n || :account, n || :account, '{}', :account, now() "
            "from generate_series(2, :most) n"
        ), {"account": account, "most": KEYS_MAX})
    made, refused = interleave(
        engine, lambda at: KeyService(at).make(creator, "first", (), None),
        lambda at: KeyService(at).make(creator, "second", (), None), after="select count(*) from api_key",
    )
    assert not isinstance(made, Exception), repr(made)
    assert code(refused) == "too_many_keys"


def test_revoke_key__twice_at_once__told_once(engine: Engine, account: Address) -> None:
    """L48."""
    creator = Caller(account=account, member=account, permissions=KEY_SCOPES)
    key = KeyService(engine).make(creator, "Nightly", (), None).key.id
    told = interleave(
        engine, lambda at: KeyService(at).revoke(account, key), lambda at: KeyService(at).revoke(account, key),
        after="update api_key",
    )
    assert isinstance(told[0], ApiKey), repr(told[0])
    assert told[0] == told[1]
    assert counted(engine, "notice where account = :account and kind = 'key.revoked'", account=account) == 1


def test_offer__two_at_once_when_one_deal_is_left__one(engine: Engine, market: Market) -> None:
    """L70."""
    placement, publisher = PlacementId(market.placement(market.world(99))), Address(f"0xf{99:039x}")
    terms = DealTerms(Address("0x" + "77" * 20), "Winter", PriceKind.FIXED, 5_000)
    with engine.begin() as connection:
        connection.execute(text(
            "insert into deal (placement_id, publisher, advertiser, name, price_kind, price_micro_usdc, status) "
            "select :placement, :publisher, '0x7', 'Autumn', 'fixed', 5, 'offered' from generate_series(2, :most)"
        ), {"placement": placement, "publisher": publisher, "most": OPEN_DEALS_MAX})
    offered, refused = interleave(
        engine, lambda at: DealService(at).offer(publisher, placement, terms),
        lambda at: DealService(at).offer(publisher, placement, terms), after="select count(*) from deal",
    )
    assert isinstance(offered, Deal), repr(offered)
    assert code(refused) == "deals_full"


def test_sign_in__two_end_the_oldest_sessions_at_once__neither_waits_for_the_other(
    engine: Engine, account: Address
) -> None:
    """Each has ended the one that its browser had until now, and comes to the other's when it ends what is too much."""
    with engine.begin() as connection:
        for digest in ("one", "two"):
            sessions.insert_session(connection, digest + account, account, CHAIN_ID, Visitor(), NOW, NOW + HOUR)

    def end(digest: str) -> Any:
        def ending(at: Engine) -> bool:
            with at.begin() as connection:
                replaced = sessions.delete_session(connection, digest + account)
                sessions.trim_sessions(connection, account, 0)
                return replaced is not None
        return ending

    assert interleave(engine, end("one"), end("two"), after="delete from session") == (True, True)
    assert counted(engine, "session where wallet = :account", account=account) == 0


# ---- roles at the operator -------------------------------------------------------------------------------------------


def acts(wallet: Address, change: Callable[[PlatformService], object]) -> Any:
    """A change of roles by an admin, in a request of its own."""

    def request(engine: Engine) -> object:
        acting.begin("roles").actor = wallet
        return change(PlatformService(engine))

    return lambda engine: copy_context().run(request, engine)


@pytest.mark.parametrize("change", [
    pytest.param(lambda roles, one, _: roles.revoke(one, PlatformRole.ADMIN), id="takes the other's as well"),
    pytest.param(lambda roles, _, two: roles.grant(two, PlatformRole.MODERATOR), id="gives itself another"),
])
def test_revoke_role__of_an_admin_who_changes_roles_at_once__changes_none_any_more(
    engine: Engine, change: Callable[[PlatformService, Address, Address], object]
) -> None:
    """L49: of two admins one stays."""
    one, two = Address("0x" + secrets.token_hex(20)), Address("0x" + secrets.token_hex(20))
    for wallet in (one, two):
        PlatformService(engine).grant(wallet, PlatformRole.ADMIN)
    taken, refused = interleave(
        engine, acts(one, lambda roles: roles.revoke(two, PlatformRole.ADMIN)),
        acts(two, lambda roles: change(roles, one, two)), after="delete from platform_role",
    )
    assert taken is None, repr(taken)
    assert code(refused) == "not_permitted"
    theirs = [(held.wallet, held.role) for held in PlatformService(engine).roles() if held.wallet in (one, two)]
    assert theirs == [(one, PlatformRole.ADMIN)]


# ---- requests that are repeated -------------------------------------------------------------------------------------


def test_idempotency_key__forgotten_while_it_is_used_again__done_as_if_it_were_new(
    engine: Engine, account: Address
) -> None:
    """An erasure, or the end of its day, may take the key between two statements."""
    def ask(at: Engine) -> str:
        with at.begin() as connection:
            return once(connection, account, "key", "request", str, lambda: secrets.token_hex(8))

    def forget(at: Engine) -> None:
        with at.begin() as connection:
            connection.execute(text("delete from idempotency_key where wallet = :wallet"), {"wallet": account})

    before = ask(engine)
    after, _ = interleave(engine, ask, forget, after="insert into idempotency_key")
    assert isinstance(after, str), repr(after)
    assert after == ask(engine) != before


# ---- webhooks -------------------------------------------------------------------------------------------------------


def test_replay__webhook_is_deleted_at_once__unknown(engine: Engine, account: Address) -> None:
    def service(at: Engine) -> WebhookService:
        return WebhookService(at, KEY, local=True, clock=NOW.timestamp)

    webhook = service(engine).create(account, "http://127.0.0.1:1/", ()).webhook.id
    with engine.begin() as connection:
        notify(connection, account, "key.made")
        delivery = connection.execute(text(
            "insert into webhook_delivery (webhook_id, notice_id, status, attempts, next_at, created_at) "
            "select :webhook, id, 'dead', 1, now(), now() from notice where account = :account returning id"
        ), {"webhook": webhook, "account": account}).scalar_one()
    gone, refused = interleave(
        engine, lambda at: service(at).delete(account, webhook),
        lambda at: service(at).replay(account, webhook, delivery), after="delete from webhook",
    )
    assert gone is None, repr(gone)
    assert code(refused) == "webhook_unknown"


# ---- erasures -------------------------------------------------------------------------------------------------------


def organise(engine: Engine, account: Address, **roles: str) -> None:
    """An organisation with members beside its own wallet."""
    with engine.begin() as connection:
        connection.execute(text("insert into organisation (wallet, name, advertiser, publisher) "
                                "values (:account, 'Harbour', true, true)"), {"account": account})
        for wallet, role in {account: "owner", **roles}.items():
            connection.execute(text("insert into member (account, wallet, role) values (:account, :wallet, :role)"),
                               {"account": account, "wallet": wallet, "role": role})


def erase(account: Address) -> Any:
    later = (NOW + timedelta(seconds=1)).timestamp()
    return lambda at: ErasureService(at, lambda: later).erase(account, account, account, NOW)


def test_erase__twice_at_once__one_erasure_is_told_twice(engine: Engine, account: Address) -> None:
    """L65."""
    told = interleave(engine, erase(account), erase(account), after="delete from")
    assert isinstance(told[0], Erased), repr(told[0])
    assert told[0] == told[1]


def test_erase__a_member_invites_at_once__erased_or_invited_first(engine: Engine, account: Address) -> None:
    """L65: the invitation refers to the organisation that is deleted."""
    organise(engine, account)
    invite = lambda at: OrganisationService(at).invite(account, Address("0x" + "77" * 20), MemberRole.REPORTER)  # noqa: E731
    invited, erased = interleave(engine, invite, erase(account), after="insert into invitation")
    assert isinstance(invited, Invitation), repr(invited)
    assert isinstance(erased, Erased), repr(erased)
    assert counted(engine, "invitation where account = :account", account=account) == 0


def test_erase__an_invitation_is_declined_at_once__neither_waits_for_the_other(
    engine: Engine, account: Address
) -> None:
    """L65: one has the organisation and comes to the invitation, the other has the invitation."""
    organise(engine, account)
    guest = Address("0x" + secrets.token_hex(20))
    number = OrganisationService(engine).invite(account, guest, MemberRole.REPORTER).id
    declined, erased = interleave(
        engine, lambda at: OrganisationService(at).decline(guest, number), erase(account), after="for update"
    )
    assert declined is None, repr(declined)
    assert isinstance(erased, Erased), repr(erased)


def test_erase__the_other_owner_leaves_at_once__an_owner_stays(engine: Engine, account: Address) -> None:
    """L65: whoever is second is refused."""
    other = Address("0x" + secrets.token_hex(20))
    organise(engine, account, **{other: "owner"})
    left, refused = interleave(
        engine, lambda at: OrganisationService(at).leave(account, account), erase(other), after="delete from member"
    )
    assert left is None, repr(left)
    assert code(refused) == "erasure_blocked"


def test_erase__a_line_item_is_changed_at_once__neither_waits_for_the_other(
    engine: Engine, market: Market, account: Address
) -> None:
    """L65: a change has the campaign before the line item."""
    campaign = market.campaign(15, 0, account)
    item = LineItemId(market.line_item(campaign, 5_000))
    changed, erased = interleave(
        engine, lambda at: CampaignService(at, CHAIN_ID).change_line_item(
            account, item, lambda terms: replace(terms, name="Other")
        ), erase(account), after="from campaign",
    )
    assert isinstance(changed, LineItem), repr(changed)
    assert isinstance(erased, Erased), repr(erased)


def test_erase__a_payment_by_card_begins_at_once__blocked(engine: Engine, market: Market, account: Address) -> None:
    """L65."""
    campaign = market.campaign(16, 0, account)

    def pay(at: Engine) -> object:
        with at.begin() as connection:      # as CardService does
            cards.lock_account(connection, account)
            row = cards.lock_campaign(connection, campaign)
            return cards.insert_payment(connection, row, secrets.token_hex(16), 100, "new", 0, NOW)

    paid, refused = interleave(engine, pay, erase(account), after="insert into card_payment")
    assert not isinstance(paid, Exception), repr(paid)
    assert code(refused) == "erasure_blocked"

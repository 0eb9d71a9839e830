"""The demo's story, stage by stage, from an empty folder to books that balance."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from backend.core.money import usdc
from backend.db.engine import make_engine
from backend.demo import episodes
from backend.demo.accounts import FundedCampaign, open_campaigns, open_worlds
from backend.demo.books import ChainTotals, Outcome, debited, read_totals
from backend.demo.client import ApiClient, Json
from backend.demo.play import Play
from backend.demo.scene import SCENES
from backend.demo.store import charged_events
from backend.demo.system import resident_bytes
from backend.demo.traffic import Diary, Traffic, spots
from backend.jobs.verify_epoch import verify_epoch
from indexer.config import Config, load_deployment
from indexer.digest import digest
from indexer.main import rebuild

POCKET_MONEY_MICRO_USDC = 1_000_000_000
EPOCHS_TOLD = 3
DOWNSTREAM = ("worker", "attestor-1", "attestor-2", "attestor-3", "index")

Stage = tuple[str, Callable[[Play], str]]


def prologue() -> list[Stage]:
    """Until the system runs, with everybody in it."""
    return [
        ("Deploy the contracts with ape, make the tables", deploy),
        ("Start API, worker, indexer and three attestors", start_processes),
        ("Publishers sign in and put up boards", publishers_arrive),
        ("Advertisers sign in and fund campaigns", advertisers_arrive),
    ]


def main_part() -> list[Stage]:
    """Everything that happens while viewers walk about, and then the settling of the rest."""
    return [
        ("Viewers walk past boards; the first ones count", viewers_arrive),
        ("An advertiser asks for money back", episodes.request_withdrawal),
        ("The chain reorganises", episodes.reorganise),
        ("The first epoch becomes final", lambda play: wait_for_epoch(play, 1)),
        ("A proposal is vetoed", episodes.veto),
        ("The vetoed epoch becomes final after all", lambda play: wait_for_epoch(play, 2)),
        ("A publisher claims by hand", episodes.claim),
        ("The advertiser withdraws", episodes.withdraw),
        ("The last viewers leave, everything is settled", settle),
    ]


def deploy(play: Play) -> str:
    play.system.prepare({advertiser.address: POCKET_MONEY_MICRO_USDC for advertiser in play.cast.advertisers})
    return f"escrow {play.system.contract('CampaignEscrow')}"


def start_processes(play: Play) -> str:
    play.system.start_processes()
    play.wait("the API to be ready", lambda: play.visitor.status_of("/readyz") == 200, seconds_max=180)
    play.wait("the indexer's first block", lambda: play.status()["chain"], seconds_max=180)
    return play.system.url


def publishers_arrive(play: Play) -> str:
    play.sellers, play.placements = open_worlds([_signed_in(play, account) for account in play.cast.publishers])
    return f"{len(play.sellers)} publishers, {len(play.placements)} placements in {len(SCENES)} worlds"


def advertisers_arrive(play: Play) -> str:
    """Each campaign by its own advertiser; then the deposits are buried under enough blocks to be spent."""
    chain, sessions = play.chain, [_signed_in(play, account) for account in play.cast.advertisers]
    with ThreadPoolExecutor(len(sessions)) as pool:
        tasks = [pool.submit(open_campaigns, session, number, chain) for number, session in enumerate(sessions)]
    play.campaigns = [campaign for task in tasks for campaign in task.result()]
    play.wait("confirmed deposits", lambda: all(map(_spendable, play.campaigns)), seconds_max=180)
    total = sum(campaign.plan.deposit_micro_usdc for campaign in play.campaigns)
    by_permit = sum(campaign.plan.by_permit for campaign in play.campaigns)
    return f"{len(play.campaigns)} campaigns, {usdc(total)} USDC, {by_permit} of them by permit"


def viewers_arrive(play: Play) -> str:
    play.traffic = Traffic(
        play.system.url, spots(play.placements), play.cast.token_key, play.seed, play.viewers
    )
    play.traffic.start()
    play.wait("the first charge", lambda: play.status()["traffic"]["billed"] > 0, seconds_max=180)
    return f"{play.viewers} viewers a second"


def wait_for_epoch(play: Play, epoch: int) -> str:
    escrow = play.chain.escrow.functions
    play.wait(f"epoch {epoch} to be final", lambda: escrow.epoch().call() >= epoch, seconds_max=180)
    return f"{len(play.chain.logs(play.chain.escrow, 'Proposed'))} proposals so far"


def settle(play: Play) -> str:
    """Stop the viewers, then wait until what they caused is stored, billed, final on chain and paid."""
    escrow = play.chain.escrow.functions
    play.wait(f"epoch {EPOCHS_TOLD}", lambda: escrow.epoch().call() >= EPOCHS_TOLD - 1, seconds_max=180)
    assert play.traffic is not None
    diary = play.traffic.stop()
    play.wait("all events to be stored and billed", lambda: _is_billed(play.status(), diary), seconds_max=180)
    charged = int(play.status()["traffic"]["charged_micro_usdc"])
    play.wait("all charges to be final on chain", lambda: debited(play.chain) == charged, seconds_max=240)
    play.wait("the keeper to pay everybody", lambda: _is_paid(play.status()), seconds_max=180)
    return f"{usdc(charged)} USDC charged in {escrow.epoch().call()} epochs"


def close_books(play: Play) -> Outcome:
    """Totals from the chain, counts from the API, and the mirror made a second time. Ends the background processes."""
    assert play.traffic is not None
    memory = sum(resident_bytes(os.getpid()).values())
    status = play.status()
    for name in DOWNSTREAM:
        play.system.end(name)
    engine = make_engine(play.system.stack.database_url, pool_size=1)
    with engine.begin() as connection:
        charged = charged_events(connection)
    engine.dispose()
    totals = read_totals(play.chain, len(play.sellers) + 1)
    traffic = status["traffic"]
    return Outcome(
        totals=totals, diary=play.traffic.diary, viewable_impressions=traffic["viewable_impressions"],
        clicks=traffic["clicks"], dropped=traffic["dropped"], charged=traffic["charged_micro_usdc"],
        unsettled=_unsettled(status, totals), charged_events=charged, reorgs_survived=status["chain"]["reorgs"],
        claimed=play.claimed_micro_usdc, verified_epochs=_verified_epochs(play, totals.epochs_finalised),
        rebuild_identical=_rebuild_is_identical(play),
        seconds=time.monotonic() - play.started, memory_bytes=memory,
    )


def _verified_epochs(play: Play, final: int) -> int:
    """How many of the final epochs a stranger finds right, with nothing but a node and what the API publishes."""
    system = play.system
    published = play.visitor.get("/v1/settlements?limit=100")["settlements"]
    urls = [system.url + row["statement_url"] for row in published if row["epoch"] <= final]
    escrow = system.contract("CampaignEscrow")
    return sum(not verify_epoch(system.stack.rpc_url, url, escrow=escrow) for url in urls)


def reopen(play: Play) -> None:
    """Start again what `close_books` ended."""
    play.system.start_background()
    play.wait("the indexer", lambda: play.status()["chain"], seconds_max=180)


def _signed_in(play: Play, account: object) -> ApiClient:
    session = ApiClient(play.system.url, account)  # type: ignore[arg-type]
    session.sign_in()
    return session


def _spendable(campaign: FundedCampaign) -> bool:
    money = campaign.advertiser.get(f"/v1/campaigns/{campaign.id}")["money"]
    return bool(money["spendable_micro_usdc"] == campaign.plan.deposit_micro_usdc)


def _is_billed(status: Json, diary: Diary) -> bool:
    traffic = status["traffic"]
    stored = traffic["viewable_impressions"] + traffic["clicks"] + sum(traffic["dropped"].values())
    return stored >= diary.acknowledged and not traffic["pending"]


def _is_paid(status: Json) -> bool:
    """Whether everybody who does not claim by hand has what the newest final epoch says."""
    return bool(status["publishers"]) and all(
        row["paid_micro_usdc"] == row["earned_micro_usdc"]
        for row in status["publishers"] if row["payout_mode"] == "auto"
    )


def _unsettled(status: Json, totals: ChainTotals) -> int:
    """Charges in no final epoch, as the API's campaigns say; independent of the ledger's total."""
    charged = sum(int(row["open_micro_usdc"]) + int(row["debited_micro_usdc"]) for row in status["campaigns"])
    return charged - totals.debited


def _rebuild_is_identical(play: Play) -> bool:
    """Drop every chain_* table, index again from the chain alone, compare (L39)."""
    database_url = play.system.stack.database_url
    config = Config(
        database_url=database_url, rpc_url=play.system.stack.rpc_url,
        deployment=load_deployment(play.system.deployment_path), confirmations=play.system.terms.confirmations,
    )
    before = digest(database_url)
    with ThreadPoolExecutor(1) as pool:      # in the main thread the indexer would take over our signals
        pool.submit(rebuild, config).result()
    return before == digest(database_url)

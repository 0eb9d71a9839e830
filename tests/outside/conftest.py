"""The whole system as its users reach it: real processes behind HTTP, for tests that know nothing of the inside.

Only Stripe is ours: the fake of tests/stripe_fake, which checks every request against Stripe's own types.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.demo.cast import Cast, cast_from_seed
from backend.demo.client import ApiClient
from backend.demo.system import GAS_WEI, System, Terms, start_system
from backend.demo.waiting import wait_for
from backend.local import fund, remove_data
from backend.local.ports import free_port

sys.path.insert(0, str(Path(__file__).parents[1] / "services"))      # the kits
sys.path.insert(0, str(Path(__file__).parent))

from cards_kit.stripe import KEY, SECRET, FakeStripe
from cards_kit.stripe import start as start_stripe
from story_kit import Guests, guests

TERMS = Terms(
    epoch_seconds=3, window_seconds=2, notice_seconds=6, timelock_seconds=600, escape_seconds=600, token_seconds=120,
    confirmations=1,
)
USDC = 10**6
ADMIN, MODERATOR = 2, 1         # which of the cast's advertisers are people of the operator


@pytest.fixture(scope="session")
def cast() -> Cast:
    return cast_from_seed(7)


@pytest.fixture(scope="session")
def people() -> Guests:
    """Who plays in the stories; nobody else knows them."""
    return guests()


@pytest.fixture(scope="package")
def stripe() -> Iterator[FakeStripe]:
    process, fake = start_stripe()
    yield fake
    fake.http.close()
    process.kill()
    process.wait()


@pytest.fixture(scope="package")
def system(cast: Cast, people: Guests, stripe: FakeStripe) -> Iterator[System]:
    """Contracts deployed, everything running; advertisers and the treasury have USDC, cards clear at once.

    It settles an epoch every few seconds for as long as it runs, so it ends with the tests of this folder.
    """
    base = Path(tempfile.mkdtemp(prefix="sightline-outside-"))
    base.chmod(0o755)       # PostgreSQL may run as another user than ours
    try:
        with start_system(base, cast, TERMS, free_port(), {"PATH": os.environ["PATH"]}) as running:
            running.more_settings = {
                "SIGHTLINE_STRIPE_KEY": KEY, "SIGHTLINE_STRIPE_WEBHOOK_SECRET": SECRET,
                "SIGHTLINE_STRIPE_URL": stripe.url, "SIGHTLINE_TREASURY_KEY": cast.treasury.key.hex(),
                "SIGHTLINE_CARD_HOLD_DAYS_NEW": "0", "SIGHTLINE_AUTO_APPROVE": "false",
                "SIGHTLINE_ADMIN_WALLETS": cast.advertisers[ADMIN].address, "SIGHTLINE_FETCH_LOCAL": "true",
                "SIGHTLINE_SELLER_NAME": "Operator", "SIGHTLINE_SELLER_ADDRESS": "Street 1|10115 Berlin",
                "SIGHTLINE_SELLER_COUNTRY": "DE", "SIGHTLINE_SELLER_VAT_NUMBER": "DE123456789",
            }
            everybody = (*cast.advertisers, cast.treasury, *people.everybody)
            for guest in people.everybody:
                fund(running.stack.rpc_url, guest.address, GAS_WEI)
            running.prepare({person.address: 1_000 * USDC for person in everybody})
            running.start_processes()
            visitor = ApiClient(running.url)
            ready = wait_for(
                "the API", lambda: visitor.status_of("/readyz") == 200, seconds_max=180, alive=running.raise_if_dead
            )
            visitor.close()
            assert ready
            yield running
    finally:
        remove_data(base)
        shutil.rmtree(base, ignore_errors=True)

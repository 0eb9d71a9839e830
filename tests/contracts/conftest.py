"""Contracts in titanoboa's chain: every test starts from one freshly deployed pair and leaves no trace."""

import sys
from collections.abc import Iterator
from pathlib import Path

import boa
import pytest
from boa.contracts.vyper.vyper_contract import StorageModel

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

# The hook skips what only the shipped build is for.
from escrow_kit.builds import pytest_collection_modifyitems  # noqa: E402, F401
from escrow_kit.pair import USDC, Pair, Settlement, deploy_pair, settlement  # noqa: E402

# Titanoboa describes a contract's storage at every revert, by hashes that it saw since the process began. That takes
# longer than the call, and fails where tests use an address again.
StorageModel.dump = lambda storage: ""


@pytest.fixture(scope="session")
def deployed_pair() -> Pair:
    """Deployed once; tests take `pair`."""
    return deploy_pair()


@pytest.fixture
def pair(deployed_pair: Pair) -> Iterator[Pair]:
    """The escrow, its payout contract and the people who use them."""
    with boa.env.anchor():
        yield deployed_pair
    deployed_pair.active_at, deployed_pair.proposed = 0, None


@pytest.fixture
def first_epoch(pair: Pair) -> Settlement:
    """Two campaigns with budgets, and an epoch that would debit 40 USDC and pay 39 to one publisher."""
    pair.open()
    pair.open()
    return settlement([(pair.treasury, 0), (pair.publisher, 39 * USDC)], {0: 30 * USDC, 1: 10 * USDC})

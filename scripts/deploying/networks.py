"""The networks that the contracts can live on: one table of facts, and the look-ups into it.

Pure data. `docs/deploying.md` shows the same table; a test holds the two equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LOCAL_CHAIN_IDS = frozenset({1337, 31337})
EXPLORER_API_URL = "https://api.etherscan.io/v2/api"


class UnknownNetwork(ValueError):
    """A chain id or network choice that the table does not list; the message names those that it does."""


@dataclass(frozen=True, slots=True)
class Network:
    """Facts of one network; what a local chain does not have is an empty string.

    `ape_choice` is what follows `--network`; `rpc_env` names the variable that holds the node's URL.
    `usdc_name`, `usdc_version`: the EIP-712 domain of the network's USDC, which permits and authorisations are signed
    for. `confirmations`: blocks after a transaction's own until it counts as done.
    """

    name: str
    chain_id: int
    ape_choice: str
    rpc_env: str
    usdc_address: str
    usdc_name: str
    usdc_version: str
    confirmations: int
    block_seconds: int
    coin: str
    explorer_api_url: str
    explorer_url: str
    is_test: bool

    @property
    def is_local(self) -> bool:
        """Whether it is a chain on this machine, where nothing has value and every key may be known."""
        return self.chain_id in LOCAL_CHAIN_IDS

    @property
    def is_public(self) -> bool:
        """Whether others can see and use what is deployed there; test networks are public."""
        return not self.is_local

    @property
    def is_mainnet(self) -> bool:
        """Whether its USDC is money."""
        return not self.is_test

    def address_page(self, address: str) -> str:
        """The explorer's page of an address; empty where there is no explorer."""
        return f"{self.explorer_url}/address/{address}" if self.explorer_url else ""


def _local(chain_id: int) -> Network:
    return Network(
        name="local",
        chain_id=chain_id,
        ape_choice="http://127.0.0.1:8545",
        rpc_env="",
        usdc_address="",
        usdc_name="USD Coin",
        usdc_version="2",
        confirmations=0,
        block_seconds=1,
        coin="ETH",
        explorer_api_url="",
        explorer_url="",
        is_test=True,
    )


# USDC: Circle's native deployments, not the bridged "USDC.e". Their names differ between networks, so a signature made
# with another network's name never verifies. Confirmations: Polygon finalises by milestones within seconds when all is
# well and has reorganised by dozens of blocks when it was not; Base reorganises only when its sequencer fails over.
NETWORKS: Mapping[int, Network] = {
    1337: _local(1337),
    31337: _local(31337),
    80002: Network(
        name="Amoy",
        chain_id=80002,
        ape_choice="polygon:amoy:node",
        rpc_env="AMOY_RPC_URL",
        usdc_address="0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582",
        usdc_name="USDC",
        usdc_version="2",
        confirmations=16,
        block_seconds=2,
        coin="POL",
        explorer_api_url=f"{EXPLORER_API_URL}?chainid=80002",
        explorer_url="https://amoy.polygonscan.com",
        is_test=True,
    ),
    84532: Network(
        name="Base Sepolia",
        chain_id=84532,
        ape_choice="base:sepolia:node",
        rpc_env="BASE_SEPOLIA_RPC_URL",
        usdc_address="0x036CbD53842c5426634e7929541eC2318f3dCF7e",
        usdc_name="USDC",
        usdc_version="2",
        confirmations=12,
        block_seconds=2,
        coin="ETH",
        explorer_api_url=f"{EXPLORER_API_URL}?chainid=84532",
        explorer_url="https://sepolia.basescan.org",
        is_test=True,
    ),
    137: Network(
        name="Polygon",
        chain_id=137,
        ape_choice="polygon:mainnet:node",
        rpc_env="POLYGON_RPC_URL",
        usdc_address="0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359",
        usdc_name="USD Coin",
        usdc_version="2",
        confirmations=64,
        block_seconds=2,
        coin="POL",
        explorer_api_url=f"{EXPLORER_API_URL}?chainid=137",
        explorer_url="https://polygonscan.com",
        is_test=False,
    ),
    8453: Network(
        name="Base",
        chain_id=8453,
        ape_choice="base:mainnet:node",
        rpc_env="BASE_RPC_URL",
        usdc_address="0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        usdc_name="USD Coin",
        usdc_version="2",
        confirmations=30,
        block_seconds=2,
        coin="ETH",
        explorer_api_url=f"{EXPLORER_API_URL}?chainid=8453",
        explorer_url="https://basescan.org",
        is_test=False,
    ),
}


def network_of(chain_id: int) -> Network:
    """The facts of a chain. Raises UnknownNetwork, with the chain ids that are known."""
    if chain_id not in NETWORKS:
        known = ", ".join(f"{network.chain_id} ({network.name})" for network in NETWORKS.values())
        raise UnknownNetwork(f"chain {chain_id} is not in scripts/deploying/networks.py; known are {known}")
    return NETWORKS[chain_id]


def network_chosen(ecosystem: str, network: str, chain_id: int) -> Network:
    """The facts of the chain that a node serves, once they agree with ape's choice `ecosystem:network`.

    A bare URL says nothing of the chain that was meant; ape then takes its names from the chain id that is served.
    Raises UnknownNetwork when node and choice are about different chains, and for a fork of a public one.
    """
    served = network_of(chain_id)
    if served.is_local:
        meant = next((other for other in NETWORKS.values() if _is_choice(other, ecosystem, network)), None)
        if meant is not None:
            raise UnknownNetwork(f"{ecosystem}:{network} is chain {meant.chain_id}, but the node serves {chain_id}")
        return served
    if not _is_choice(served, ecosystem, network):
        raise UnknownNetwork(
            f"the node serves chain {chain_id}, but the choice was {ecosystem}:{network}: say "
            f"--network {served.ape_choice} and set {served.rpc_env} to the node's URL"
        )
    return served


def _is_choice(network: Network, ecosystem: str, name: str) -> bool:
    return network.is_public and network.ape_choice.startswith(f"{ecosystem}:{name}:")

"""The table of networks: what it says, that its guide says the same, and that ape reaches every network in it."""

import re
from pathlib import Path

import pytest
import yaml
from eth_utils.address import is_checksum_address

from scripts.deploying.networks import NETWORKS, Network, UnknownNetwork, network_chosen, network_of

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = [network for network in NETWORKS.values() if network.is_public]


def test_networks__chain_ids__are_their_keys() -> None:
    assert {chain_id: network.chain_id for chain_id, network in NETWORKS.items()} == {
        chain_id: chain_id for chain_id in (1337, 31337, 80002, 84532, 137, 8453)
    }
    assert [network.chain_id for network in PUBLIC if network.is_mainnet] == [137, 8453]


@pytest.mark.parametrize("network", PUBLIC, ids=lambda network: network.name)
def test_networks__public__has_everything(network: Network) -> None:
    assert is_checksum_address(network.usdc_address)
    assert network.confirmations > 0
    assert network.block_seconds > 0
    assert network.explorer_api_url.endswith(f"chainid={network.chain_id}")
    assert network.address_page("0xab") == f"{network.explorer_url}/address/0xab"


def test_networks__usdc__is_another_contract_on_each() -> None:
    assert len({network.usdc_address for network in PUBLIC}) == len(PUBLIC)


@pytest.mark.parametrize("network", PUBLIC, ids=lambda network: network.name)
def test_ape_config__public__takes_the_node_from_the_table_s_variable(network: Network) -> None:
    ecosystem, name, provider = network.ape_choice.split(":")
    config = yaml.safe_load((ROOT / "ape-config.yaml").read_text())
    assert config[provider][ecosystem][name]["uri"] == f"${network.rpc_env}"


def test_guide__table__is_the_code_s() -> None:
    rows = re.findall(r"^\| (\w[^|]*) \| (\d+) \|(.*)\|$", (ROOT / "docs" / "deploying.md").read_text(), re.MULTILINE)
    written = {int(chain_id): (name, *(cell.strip(" `") for cell in rest.split("|"))) for name, chain_id, rest in rows}
    assert written == {
        network.chain_id: (
            network.name,
            network.ape_choice,
            network.rpc_env,
            network.usdc_address,
            f"{network.usdc_name}, {network.usdc_version}",
            str(network.confirmations),
            f"{network.block_seconds} s",
        )
        for network in PUBLIC
    }


def test_network_of__unknown__names_the_known() -> None:
    with pytest.raises(UnknownNetwork, match=r"chain 1 is not in .*networks.py; known are .*137 \(Polygon\)"):
        network_of(1)


@pytest.mark.parametrize("network", PUBLIC, ids=lambda network: network.name)
def test_network_chosen__node_serves_it__is_it(network: Network) -> None:
    ecosystem, name, _ = network.ape_choice.split(":")
    assert network_chosen(ecosystem, name, network.chain_id) is network


def test_network_chosen__local_under_any_name_of_a_url__is_local() -> None:
    assert network_chosen("ethereum", "custom", 31337).is_local
    assert network_chosen("ethereum", "local", 1337).is_local


@pytest.mark.parametrize(
    ("ecosystem", "name", "chain_id", "message"),
    [
        ("polygon", "amoy", 31337, "polygon:amoy is chain 80002, but the node serves 31337"),
        ("polygon", "amoy", 137, "the node serves chain 137, but the choice was polygon:amoy"),
        ("polygon", "mainnet-fork", 137, "--network polygon:mainnet:node and set POLYGON_RPC_URL"),
        ("base", "mainnet", 10, "chain 10 is not in"),
    ],
)
def test_network_chosen__node_serves_another__is_refused(
    ecosystem: str, name: str, chain_id: int, message: str
) -> None:
    with pytest.raises(UnknownNetwork, match=message):
        network_chosen(ecosystem, name, chain_id)

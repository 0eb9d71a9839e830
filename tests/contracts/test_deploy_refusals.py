"""What a public network must not get: known keys, roles in one hand, a wrong token, an owner without code."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from deploy_kit.stand import DEPLOYER, ape, ape_environment, options, parameters, person, public_chain, put_usdc, signer
from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from web3 import Web3

from backend.local import rpc
from scripts.deploy import Wishes, deploy
from scripts.deploying.chain_facts import has_contract, l1_fee_wei
from scripts.deploying.deployment import DeploymentRefused, Parameters
from scripts.deploying.known_keys import known_key
from scripts.deploying.networks import NETWORKS, Network
from scripts.deploying.role_rules import check_roles
from scripts.deploying.token_check import choose_token

ROOT = Path(__file__).resolve().parents[2]
POLYGON, AMOY, LOCAL = NETWORKS[137], NETWORKS[80002], NETWORKS[31337]
TOKEN = POLYGON.usdc_address
KNOWN = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"  # index 0 of the test phrase


def wishes(**changes: object) -> Wishes:
    usual: dict[str, object] = {
        "token": None,
        "is_unlisted_wanted": False,
        "is_owner_eoa": True,
        "is_dry": True,
        "is_confirmed": True,
        "mints": (),
    }
    return Wishes(**(usual | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def polygon_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with public_chain(tmp_path_factory.mktemp("polygon"), POLYGON) as url:
        yield url


@pytest.fixture
def polygon(polygon_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web3]:
    """Polygon as it was at first, with deployments going to `tmp_path / "deployments"`."""
    monkeypatch.setenv("SIGHTLINE_DEPLOYMENTS", str(tmp_path / "deployments"))
    snapshot = rpc(polygon_url, "evm_snapshot")
    yield Web3(Web3.HTTPProvider(polygon_url))
    rpc(polygon_url, "evm_revert", snapshot)


# --- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        (KNOWN, "test phrase of anvil"),
        ("0x90F8bf6A479f320ead074411a4B0e7944Ea8c9C1", "ganache"),
        ("0x627306090abaB3A6e1400e9345bC60c78a8BEf57", "truffle"),
        ("0x66aB6D9362d4F35596279692F0251Db635165871", "brownie"),
        ("0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", "the private key 1"),
    ],
)
def test_known_key__published_address__says_where(address: str, origin: str) -> None:
    assert origin in str(known_key(address))
    assert origin in str(known_key(address.lower()))


def test_known_key__phrase_of_docker_compose__is_known() -> None:
    """So that the key of a published file can never guard money."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    words = [word for word in services["anvil"]["command"] if word.startswith("--mnemonic=")]
    seed = seed_from_mnemonic(words[0].partition("=")[2], passphrase="")
    address = Account.from_key(key_from_seed(seed, "m/44'/60'/0'/0/3")).address
    assert "docker-compose" in str(known_key(address))


def test_known_key__of_nobody__is_none() -> None:
    assert known_key(DEPLOYER.address) is None


def test_check_roles__known_key_on_a_local_chain__is_silent() -> None:
    check_roles(parameters(owner=KNOWN, operator=KNOWN), KNOWN, "", LOCAL)


@pytest.mark.parametrize("role", ["owner", "operator", "guardian", "treasury"])
@pytest.mark.parametrize("network", [AMOY, POLYGON], ids=lambda network: network.name)
def test_check_roles__known_key__is_refused(role: str, network: Network) -> None:
    with pytest.raises(DeploymentRefused, match=rf"the {role} {KNOWN} belongs to the test phrase .* not on chain"):
        check_roles(parameters(**{role: KNOWN}), DEPLOYER.address, TOKEN, network)


def test_check_roles__known_deployer_and_attestor__names_both() -> None:
    attestors = (*parameters().attestors, KNOWN)
    with pytest.raises(DeploymentRefused) as refused:
        check_roles(parameters(attestors=attestors), KNOWN, TOKEN, AMOY)
    assert f"the deployer {KNOWN}" in str(refused.value)
    assert f"the attestor {KNOWN}" in str(refused.value)


# --- roles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("owner", "operator"),
        ("owner", "guardian"),
        ("operator", "guardian"),
        ("owner", "attestor"),
        ("operator", "attestor"),
        ("guardian", "attestor"),
        ("treasury", "attestor"),
    ],
)
def test_check_roles__two_in_one_hand__is_refused_with_the_reason(one: str, other: str) -> None:
    shared = person("both")
    both = {one: shared.address}
    changes = both | (
        {"attestors": (shared.address, *parameters().attestors)} if other == "attestor" else {other: shared.address}
    )
    with pytest.raises(DeploymentRefused, match=f"{one} and {other} are both {shared.address.lower()}: .*Give them"):
        check_roles(parameters(**changes), DEPLOYER.address, TOKEN, AMOY)
    check_roles(parameters(**changes), DEPLOYER.address, TOKEN, LOCAL)


def test_check_roles__owner_collects_the_fees_and_deploys__is_fine() -> None:
    owner = person("owner").address
    check_roles(parameters(treasury=owner), owner, TOKEN, POLYGON)


@pytest.mark.parametrize(
    ("changes", "network", "message"),
    [
        ({"threshold": 1}, AMOY, "one stolen attestor key"),
        ({"window_seconds": 3_599}, POLYGON, "--window 3600 is the least on Polygon"),
        ({"timelock_seconds": 147 * 3_600}, POLYGON, "--timelock must pass --escape by 172800 or more on Polygon"),
        ({"treasury": TOKEN}, POLYGON, "the treasury is the token"),
    ],
)
def test_check_roles__too_weak__is_refused(changes: dict[str, object], network: Network, message: str) -> None:
    with pytest.raises(DeploymentRefused, match=message):
        check_roles(parameters(**changes), DEPLOYER.address, TOKEN, network)


def test_check_roles__short_window_on_a_test_network__is_fine() -> None:
    check_roles(parameters(window_seconds=60), DEPLOYER.address, TOKEN, AMOY)


# --- the token ------------------------------------------------------------------------------------------------------


def test_choose_token__public__is_the_table_s_unless_asked_twice() -> None:
    other = person("token").address
    assert choose_token(POLYGON, None, False) == TOKEN
    assert choose_token(POLYGON, TOKEN.lower(), False) == TOKEN
    assert choose_token(POLYGON, other, True) == other
    with pytest.raises(DeploymentRefused, match=f"is not Polygon's USDC, which is {TOKEN}.*--unlisted-token"):
        choose_token(POLYGON, other, False)


def test_choose_token__local__is_what_was_said() -> None:
    assert choose_token(LOCAL, None, False) is None
    assert choose_token(LOCAL, TOKEN, False) == TOKEN


def refusal(web3: Web3, wanted: Parameters, hopes: Wishes) -> str:
    """The words of a deployment that must be refused, without a trace on chain or disk."""
    before = (web3.eth.block_number, web3.eth.get_transaction_count(DEPLOYER.address))
    with pytest.raises(DeploymentRefused) as refused:
        deploy(web3, POLYGON, signer(), wanted, hopes)
    assert (web3.eth.block_number, web3.eth.get_transaction_count(DEPLOYER.address)) == before
    return str(refused.value)


def test_deploy__token_without_code__is_refused(polygon: Web3, polygon_url: str) -> None:
    rpc(polygon_url, "anvil_setCode", TOKEN, "0x")
    assert "there is no contract at the token's address" in refusal(polygon, parameters(), wishes())


def test_deploy__token_under_another_name__is_refused(polygon: Web3, polygon_url: str) -> None:
    """A signature for "USD Coin" would never verify at a token that calls itself otherwise."""
    put_usdc(polygon_url, TOKEN, "USDC")
    words = refusal(polygon, parameters(), wishes())
    assert "does not answer like Polygon's USDC" in words
    assert "name (EIP-712): 'USDC', should be 'USD Coin'" in words


def test_deploy__something_that_is_no_token__is_refused_line_by_line(polygon: Web3, polygon_url: str) -> None:
    rpc(polygon_url, "anvil_setCode", TOKEN, "0x00")  # answers nothing to everything
    words = refusal(polygon, parameters(), wishes())
    for what in ("decimals", "symbol", "version (EIP-712)", "DOMAIN_SEPARATOR", "EIP-3009 type hash", "paused"):
        assert f"{what}: no answer" in words


def test_deploy__paused_token_and_blacklisted_treasury__is_refused(polygon: Web3, polygon_url: str) -> None:
    send_as(polygon_url, "0x" + "00" * 20, TOKEN, "pause()")
    word = int(parameters().treasury, 16).to_bytes(32, "big")
    send_as(polygon_url, "0x" + "00" * 20, TOKEN, "blacklist(address)", word)
    words = refusal(polygon, parameters(), wishes())
    assert "paused: True, should be False" in words
    assert "treasury is blacklisted: True, should be False" in words


def send_as(rpc_url: str, sender: str, to: str, signature: str, arguments: bytes = b"") -> None:
    rpc(rpc_url, "anvil_impersonateAccount", sender)
    rpc(rpc_url, "anvil_setBalance", sender, hex(10**18))
    data = "0x" + (Web3.keccak(text=signature)[:4] + arguments).hex()
    rpc(rpc_url, "eth_sendTransactionSync", {"from": sender, "to": to, "data": data})  # answers when it is in a block


def test_deploy__unlisted_token__may_have_another_name_but_not_another_version(
    polygon: Web3, polygon_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = person("token").address
    put_usdc(polygon_url, other, "Bridged USDC")
    deploy(polygon, POLYGON, signer(), parameters(), wishes(token=other, is_unlisted_wanted=True))
    assert f"Token          {other} (NOT in the table)" in capsys.readouterr().out


# --- the owner and the deployer -------------------------------------------------------------------------------------


def test_deploy__mainnet_owner_without_code__is_refused_unless_said(polygon: Web3) -> None:
    words = refusal(polygon, parameters(), wishes(is_owner_eoa=False))
    assert "has no code on Polygon" in words
    assert "--owner-is-eoa" in words
    deploy(polygon, POLYGON, signer(), parameters(), wishes())


@pytest.mark.parametrize(
    ("code", "is_contract"), [("0x", False), ("0xef0100" + "11" * 20, False), ("0x60016000", True)]
)
def test_has_contract__code__tells_a_delegating_key_from_a_contract(
    polygon: Web3, polygon_url: str, code: str, is_contract: bool
) -> None:
    rpc(polygon_url, "anvil_setCode", parameters().owner, code)
    assert has_contract(polygon, parameters().owner) is is_contract


def test_deploy__too_poor__is_refused_with_what_is_missing(polygon: Web3, polygon_url: str) -> None:
    rpc(polygon_url, "anvil_setBalance", DEPLOYER.address, hex(10**15))
    words = refusal(polygon, parameters(), wishes())
    assert f"the deployer {DEPLOYER.address} has 0.001000 POL and may need" in words
    assert "send it" in words


def test_deploy__transactions_that_wait__is_refused(polygon: Web3, polygon_url: str) -> None:
    """The addresses in the plan would be wrong: they follow from the nonce."""
    rpc(polygon_url, "evm_setAutomine", False)
    fields = {
        "to": person("owner").address,
        "value": 1,
        "nonce": 0,
        "gas": 21_000,
        "chainId": 137,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 1,
    }
    polygon.eth.send_raw_transaction(DEPLOYER.sign_transaction(fields).raw_transaction)
    with pytest.raises(DeploymentRefused, match="1 transactions that are not mined yet"):
        deploy(polygon, POLYGON, signer(), parameters(), wishes())
    rpc(polygon_url, "anvil_dropAllTransactions")
    rpc(polygon_url, "evm_setAutomine", True)


def test_l1_fee__oracle_of_an_op_stack_chain__is_asked(polygon: Web3, polygon_url: str) -> None:
    assert l1_fee_wei(polygon, b"data") == 0
    rpc(polygon_url, "anvil_setCode", "0x420000000000000000000000000000000000000F", "0x61123460005260206000f3")
    assert l1_fee_wei(polygon, b"data") == 0x1234


# --- by ape ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def ape_deploy(polygon_url: str, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    def run(network: str, *more: str, **env: str) -> "subprocess.CompletedProcess[str]":
        environment = ape_environment(tmp_path / "out", POLYGON_RPC_URL=polygon_url, AMOY_RPC_URL=polygon_url, **env)
        return ape(environment, "deploy", "--network", network, *options(parameters()), *more)

    return run


def test_ape_deploy__known_key__is_refused_and_writes_nothing(
    ape_deploy: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    key = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    done = ape_deploy("polygon:mainnet:node", "--owner-is-eoa", "--yes", DEPLOYER_KEY=key)
    assert done.returncode != 0
    assert "belongs to the test phrase" in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()


def test_ape_deploy__node_of_another_chain__is_refused(
    ape_deploy: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    done = ape_deploy("polygon:amoy:node", "--yes")
    assert done.returncode != 0
    assert "137" in done.stdout + done.stderr
    assert "80002" in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()


def test_ape_deploy__nobody_says_yes__sends_nothing(
    ape_deploy: Callable[..., "subprocess.CompletedProcess[str]"], polygon_url: str, tmp_path: Path
) -> None:
    done = ape_deploy("polygon:mainnet:node", "--owner-is-eoa")
    assert done.returncode != 0
    assert "Deploy this to Polygon?" in done.stdout + done.stderr
    assert rpc(polygon_url, "eth_getTransactionCount", DEPLOYER.address, "latest") == "0x0"
    assert not (tmp_path / "out").exists()

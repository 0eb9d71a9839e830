"""`ape run handover`: the ownership goes to a multisig or a key in two steps, and to nobody by mistake."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from deploy_kit.stand import ROOT, ape, ape_environment, mining, parameters, person, public_chain, signer
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract

from backend.local import rpc
from scripts.deploy import Wishes, deploy
from scripts.deployed.deployment_file import NoDeployment
from scripts.deploying.deployment import DeploymentRefused
from scripts.deploying.networks import NETWORKS
from scripts.deploying.sending import TRANSACTION_GAS_MAX
from scripts.handover import offer, owned_escrow, take

NETWORK = NETWORKS[8453]
OWNER, NEXT = person("owner"), person("next owner")
MULTISIG = person("multisig").address
WALLET_CODE = "0x60006000f3"  # any code makes an account a contract; calls are made in its name


@dataclass(frozen=True)
class Stand:
    """A deployment on a chain that looks like Base, owned by a key."""

    url: str
    folder: Path
    escrow: Contract

    def handover(self, *arguments: str, key: LocalAccount = OWNER) -> "subprocess.CompletedProcess[str]":
        environment = ape_environment(self.folder, key, BASE_RPC_URL=self.url)
        return ape(environment, "handover", arguments[0], "--network", NETWORK.ape_choice, *arguments[1:])

    @property
    def owners(self) -> tuple[str, str]:
        """Owner and pending owner."""
        read = self.escrow.functions
        return read.owner().call(), read.pending_owner().call()


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    base = tmp_path_factory.mktemp("base")
    with public_chain(base / "chain", NETWORK) as url, mining(url), pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SIGHTLINE_DEPLOYMENTS", str(base / "out"))
        web3 = Web3(Web3.HTTPProvider(url))
        deploy(web3, NETWORK, signer(), parameters(owner=OWNER.address), Wishes(None, False, True, False, True, ()))
        for account in (OWNER, NEXT):
            rpc(url, "anvil_setBalance", account.address, hex(10**18))
        rpc(url, "anvil_setCode", MULTISIG, WALLET_CODE)
        rpc(url, "anvil_setBalance", MULTISIG, hex(10**18))
        address = json.loads((base / "out" / "8453.json").read_text())["contracts"]["CampaignEscrow"]["address"]
        abi = json.loads((ROOT / "contracts/abi/CampaignEscrow.json").read_text())
        yield Stand(url, base / "out", web3.eth.contract(address=address, abi=abi))


@pytest.fixture
def stand(deployed: Stand) -> Iterator[Stand]:
    snapshot = rpc(deployed.url, "evm_snapshot")
    yield deployed
    rpc(deployed.url, "evm_revert", snapshot)


def test_handover__to_a_multisig__accepts_with_the_batch_that_was_written(stand: Stand, tmp_path: Path) -> None:
    batch_file = tmp_path / "accept.json"
    done = stand.handover("start", "--to", MULTISIG, "--yes", "--safe-file", str(batch_file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert stand.owners == (OWNER.address, MULTISIG)
    batch = json.loads(batch_file.read_text())
    assert (batch["chainId"], batch["meta"]["createdFromSafeAddress"]) == ("8453", MULTISIG)
    (call,) = batch["transactions"]
    assert f"{MULTISIG} calls {call['to']} with value 0 and data {call['data']}" in done.stdout

    rpc(stand.url, "anvil_impersonateAccount", MULTISIG)
    asked = {"from": MULTISIG, "to": call["to"], "data": call["data"], "value": "0x0"}
    rpc(stand.url, "eth_sendTransactionSync", asked)  # answers when it is in a block
    assert stand.owners == (MULTISIG, "0x" + "00" * 20)
    status = stand.handover("status")
    assert f"owner    {MULTISIG} (contract)" in status.stdout
    assert "to do    nothing" in status.stdout
    assert [path.name for path in stand.folder.iterdir()] == ["8453.json"]


def test_offer_and_take__to_a_key__is_the_new_owner(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGHTLINE_DEPLOYMENTS", str(stand.folder))
    web3 = stand.escrow.w3
    for _ in range(2):  # run again, it has nothing to send
        assert offer(
            owned_escrow(web3, NETWORK), signer(OWNER), NEXT.address.lower(), is_eoa_wanted=True, is_confirmed=True
        )
        assert stand.owners == (OWNER.address, NEXT.address)
    for _ in range(2):
        take(owned_escrow(web3, NETWORK), signer(NEXT), is_confirmed=True)
        assert stand.owners == (NEXT.address, "0x" + "00" * 20)
    said = capsys.readouterr().out
    assert said.count("transfer_ownership: sending") == said.count("accept_ownership: sending") == 1
    assert [path.name for path in stand.folder.iterdir()] == ["8453.json"]


# --- what must not be offered ---------------------------------------------------------------------------------------

Refuse = Callable[..., str]


@pytest.fixture
def refuse(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """The words of an offer that must be refused."""
    monkeypatch.setenv("SIGHTLINE_DEPLOYMENTS", str(stand.folder))
    before = stand.owners

    def run(target: str, *, is_eoa_wanted: bool = True, key: LocalAccount = OWNER) -> str:
        owned = owned_escrow(stand.escrow.w3, NETWORK)
        with pytest.raises(DeploymentRefused) as refused:
            offer(owned, signer(key), target, is_eoa_wanted=is_eoa_wanted, is_confirmed=True)
        assert stand.owners == before
        return str(refused.value)

    return run


def test_offer__account_without_code__is_refused_unless_said(refuse: Refuse) -> None:
    assert "has no code on Base" in refuse(person("multisig of another chain").address, is_eoa_wanted=False)


def test_offer__known_key__is_refused(refuse: Refuse) -> None:
    assert "everybody has its key" in refuse("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")


@pytest.mark.parametrize("role", ["operator", "guardian"])
def test_offer__other_role__is_refused(refuse: Refuse, role: str) -> None:
    assert f"is {role}: an owner must be apart" in refuse(getattr(parameters(), role))


def test_offer__attestor__is_refused(refuse: Refuse) -> None:
    assert "is attestor: an owner must be apart" in refuse(parameters().attestors[2])


def test_offer__contract_of_this_deployment__is_refused(stand: Stand, refuse: Refuse) -> None:
    for target in (stand.escrow.address, stand.escrow.functions.payout().call(), NETWORK.usdc_address):
        assert "is a contract of this deployment" in refuse(target)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (OWNER.address, "is the owner already"),
        ("0x" + "00" * 20, "not an address"),
        ("multisig", "not an address"),
        (MULTISIG.swapcase().replace("0X", "0x"), "wrong checksum"),
    ],
)
def test_offer__bad_target__is_refused(refuse: Refuse, target: str, message: str) -> None:
    assert message in refuse(target)


def test_offer__by_a_stranger__names_the_owner_and_its_calldata(stand: Stand, refuse: Refuse) -> None:
    words = refuse(MULTISIG, key=NEXT)
    assert f"{NEXT.address} is not the owner; {OWNER.address} is" in words
    assert stand.escrow.encode_abi("transfer_ownership", args=[MULTISIG]) in words


def test_take__not_offered__is_refused(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_DEPLOYMENTS", str(stand.folder))
    with pytest.raises(DeploymentRefused, match="not offered to anybody"):
        take(owned_escrow(stand.escrow.w3, NETWORK), signer(NEXT), is_confirmed=True)


def test_owned_escrow__nothing_deployed__is_said(stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_DEPLOYMENTS", str(tmp_path))
    with pytest.raises(NoDeployment, match="8453"):
        owned_escrow(stand.escrow.w3, NETWORK)


def test_deploy__gas__leaves_room_below_the_bound_of_a_transaction(stand: Stand) -> None:
    """EIP-7825: the creation of both contracts fits into one transaction."""
    creation = json.loads((stand.folder / "8453.json").read_text())["contracts"]["CampaignEscrow"]["transaction"]
    web3 = Web3(Web3.HTTPProvider(stand.url))
    assert web3.eth.get_transaction_receipt(creation)["gasUsed"] < TRANSACTION_GAS_MAX // 2

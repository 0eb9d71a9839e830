"""Every parameter of a deployment is read back: a plan that is altered anywhere is told from what is on the chain."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from deploy_kit.stand import DEPLOYER, parameters, person
from web3 import Web3

from backend.local import Stack, fund, rpc
from scripts.deploying.compiled import compiled
from scripts.deploying.deployment import Parameters
from scripts.deploying.networks import NETWORKS
from scripts.deploying.plan import Plan, make_plan
from scripts.deploying.read_back import differences, escrow_getters, immutable_values, payout_getters

LOCAL = NETWORKS[31337]
STRANGER = person("stranger").address


@dataclass(frozen=True)
class Stand:
    """A plan that was carried out, and the chain that it was carried out on."""

    plan: Plan
    web3: Web3

    def altered(self, **changes: object) -> list[str]:
        """What differs when the plan had said something else."""
        plan = replace(self.plan, parameters=replace(self.plan.parameters, **changes))  # type: ignore[arg-type]
        return differences(self.web3, plan, self.web3.eth.block_number)

    def put_code(self, name: str, code: bytes) -> list[str]:
        """What differs when a contract has other code."""
        rpc(self.url, "anvil_setCode", self.plan.created[name], "0x" + code.hex())
        return differences(self.web3, self.plan, self.web3.eth.block_number)

    def code(self, name: str) -> bytes:
        return bytes(self.web3.eth.get_code(Web3.to_checksum_address(self.plan.created[name])))

    @property
    def url(self) -> str:
        return str(self.web3.provider.endpoint_uri)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def carried_out(chain: Stack) -> Iterator[Stand]:
    snapshot = rpc(chain.rpc_url, "evm_snapshot")
    fund(chain.rpc_url, DEPLOYER.address, 10**20)
    web3 = Web3(Web3.HTTPProvider(chain.rpc_url))
    plan = make_plan(LOCAL, DEPLOYER.address, web3.eth.get_transaction_count(DEPLOYER.address), parameters(), None, ())
    for step in plan.steps:
        fields = {
            "data": step.data,
            "nonce": step.nonce,
            "gas": 12_000_000,
            "chainId": 31337,
            "value": 0,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 1,
        }
        sent = web3.eth.send_raw_transaction(DEPLOYER.sign_transaction(fields).raw_transaction)
        assert web3.eth.wait_for_transaction_receipt(sent)["contractAddress"] == step.creates
    yield Stand(plan, web3)
    rpc(chain.rpc_url, "evm_revert", snapshot)


@pytest.fixture
def stand(carried_out: Stand) -> Iterator[Stand]:
    snapshot = rpc(carried_out.url, "evm_snapshot")
    yield carried_out
    rpc(carried_out.url, "evm_revert", snapshot)


def test_differences__as_planned__are_none(stand: Stand) -> None:
    assert differences(stand.web3, stand.plan, stand.web3.eth.block_number) == []


@pytest.mark.parametrize(
    ("changes", "getter"),
    [
        ({"owner": STRANGER}, "owner()"),
        ({"operator": STRANGER}, "operator()"),
        ({"guardian": STRANGER}, "guardian()"),
        ({"treasury": STRANGER}, "treasury()"),
        ({"threshold": 3}, "threshold()"),
        ({"fee_bps": 999}, "fee_bps_at(1)"),
        ({"window_seconds": 3_601}, "window()"),
        ({"notice_seconds": 7_201}, "notice()"),
    ],
)
def test_differences__another_parameter_planned__is_the_one_line(
    stand: Stand, changes: dict[str, object], getter: str
) -> None:
    (line,) = stand.altered(**changes)
    assert line.startswith(f"{getter} at {stand.plan.created['CampaignEscrow']} is ")
    assert line.endswith(f", planned {next(iter(changes.values()))}")


@pytest.mark.parametrize(
    ("changes", "immutable"),
    [
        ({"fee_bps_max": 1_999}, "FEE_BPS_MAX"),
        ({"timelock_seconds": 720_001}, "TIMELOCK_SECONDS"),
        ({"escape_seconds": 360_001}, "ESCAPE_SECONDS"),
    ],
)
def test_differences__another_fixed_term_planned__is_seen_in_the_code(
    stand: Stand, changes: dict[str, object], immutable: str
) -> None:
    (line,) = stand.altered(**changes)
    assert line.startswith(f"CampaignEscrow: immutable {immutable} is 0x")


def test_differences__attestors__each_and_their_number(stand: Stand) -> None:
    attestors = stand.plan.parameters.attestors
    (missing,) = stand.altered(attestors=(*attestors[:2], STRANGER))
    assert missing.startswith(f"is_attestor({STRANGER})")
    (count,) = stand.altered(attestors=attestors[:2])
    assert count.startswith("attestor_count()")


def test_differences__another_token_planned__is_seen_in_both_contracts(stand: Stand) -> None:
    plan = replace(stand.plan, token=STRANGER)
    lines = differences(stand.web3, plan, stand.web3.eth.block_number)
    assert [line.partition(" is ")[0] for line in lines] == [
        "CampaignEscrow: immutable TOKEN",
        "PublisherPayout: immutable TOKEN",
    ]


def test_differences__pair_of_another_chain__is_seen_in_the_domain(stand: Stand) -> None:
    plan = replace(stand.plan, network=NETWORKS[1337])
    lines = differences(stand.web3, plan, stand.web3.eth.block_number)
    assert len([line for line in lines if "CACHED_CHAIN_ID" in line]) == 2
    assert len([line for line in lines if "CACHED_SEPARATOR" in line]) == 2


@pytest.mark.parametrize("name", ["CampaignEscrow", "PublisherPayout"])
def test_differences__one_bit_of_code__is_seen(stand: Stand, name: str) -> None:
    code = bytearray(stand.code(name))
    code[len(compiled(name).runtime) // 2] ^= 1
    (line,) = stand.put_code(name, bytes(code))
    assert line.startswith(f"{name}: the code at {stand.plan.created[name]}")


@pytest.mark.parametrize("name", ["CampaignEscrow", "PublisherPayout"])
def test_differences__code_with_something_behind_it__is_seen(stand: Stand, name: str) -> None:
    (line,) = stand.put_code(name, stand.code(name) + b"\0")
    assert "is not what the sources make" in line


@pytest.mark.parametrize("name", ["CampaignEscrow", "PublisherPayout"])
def test_differences__no_code__is_said(stand: Stand, name: str) -> None:
    assert stand.put_code(name, b"") == [f"{name}: there is no code at {stand.plan.created[name]}"]


@pytest.mark.parametrize("name", ["CampaignEscrow", "PublisherPayout"])
def test_immutable_values__contract__knows_every_one(stand: Stand, name: str) -> None:
    """A new immutable of the sources is refused by the check until it is said what it must hold."""
    assert {place.name for place in compiled(name).immutables} <= set(immutable_values(stand.plan, name))


def test_getters__parameters__are_all_read() -> None:
    """Each field of the plan changes something that is compared."""
    token, payout = person("token").address, person("payout").address
    usual = escrow_getters(parameters(), token, payout)
    numbers = {"threshold", "fee_bps", "fee_bps_max", *(name for name in Parameters.__slots__ if "_seconds" in name)}
    for name in Parameters.__slots__:
        changed = 1 if name in numbers else (STRANGER,) if name == "attestors" else STRANGER
        assert escrow_getters(parameters(**{name: changed}), token, payout) != usual, name
    assert escrow_getters(parameters(), STRANGER, payout) != usual
    assert escrow_getters(parameters(), token, STRANGER) != usual
    assert payout_getters(token, payout) != payout_getters(token, STRANGER) != payout_getters(STRANGER, payout)

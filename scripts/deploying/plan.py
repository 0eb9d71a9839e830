"""What a deployment will do, worked out before anything is sent: transactions, addresses, code and cost.

`render` prints it; `facts` is what must not change between a run and the run that continues it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import rlp
from eth_abi.abi import encode
from web3 import Web3

from scripts.deploying.compiled import Compiled, compiled
from scripts.deploying.deployment import Parameters
from scripts.deploying.networks import Network
from scripts.deploying.sending import Price, Step

# A new contract's first creation (EIP-161).
FIRST_NONCE = 1
WEI_PER_COIN = 10**18
WEI_PER_GWEI = 10**9
CONSTRUCTOR_TYPES = (
    "address",
    "bytes",
    "(address,address,address,address)",
    "address[]",
    "(uint256,uint256,uint256,uint256,uint256,uint256,uint256)",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A deployment. `created` has the addresses that come to be, by contract; `token` may be one of them."""

    network: Network
    deployer: str
    parameters: Parameters
    token: str
    mints: tuple[tuple[str, int], ...]
    steps: tuple[Step, ...]
    created: Mapping[str, str]
    contracts: Mapping[str, Compiled]

    @property
    def facts(self) -> dict[str, object]:
        """Everything that the outcome depends on, flat and ready for JSON."""
        terms = asdict(self.parameters) | {"attestors": list(self.parameters.attestors)}
        code = {f"creation code of {name}": code_hash(contract.creation) for name, contract in self.contracts.items()}
        return {
            "chain_id": self.network.chain_id,
            "deployer": self.deployer,
            "token": self.token,
            **terms,
            "mints": [f"{address}:{amount}" for address, amount in self.mints],
            **code,
        }


def make_plan(
    network: Network,
    deployer: str,
    first_nonce: int,
    parameters: Parameters,
    token: str | None,
    mints: Sequence[tuple[str, int]],
) -> Plan:
    """The transactions from `first_nonce` on; without a token, a MockUSDC and its mints come first."""
    names = ["MockUSDC"] if token is None else []
    contracts = {name: compiled(name) for name in [*names, "CampaignEscrow", "PublisherPayout"]}
    steps = [] if token else list(_token_steps(deployer, first_nonce, contracts["MockUSDC"], mints))
    nonce = first_nonce + len(steps)
    address = token or created_address(deployer, first_nonce)
    escrow = created_address(deployer, nonce)
    data = contracts["CampaignEscrow"].creation + constructor_arguments(
        address, contracts["PublisherPayout"].creation, parameters
    )
    steps.append(Step("CampaignEscrow", nonce, None, data, escrow))
    created = {step.name: step.creates for step in steps if step.creates} | {
        "PublisherPayout": created_address(escrow, FIRST_NONCE)
    }
    return Plan(network, deployer, parameters, address, tuple(mints), tuple(steps), created, contracts)


def constructor_arguments(token: str, payout_code: bytes, parameters: Parameters) -> bytes:
    """The escrow's constructor arguments, ABI-encoded."""
    values = (token, payout_code, parameters.roles, list(parameters.attestors), parameters.terms)
    return bytes(encode(CONSTRUCTOR_TYPES, values))


def created_address(creator: str, nonce: int) -> str:
    """Where CREATE puts the contract that an account makes with its nonce (Yellow Paper, section 7)."""
    sender = bytes.fromhex(creator.removeprefix("0x"))
    return str(Web3.to_checksum_address(Web3.keccak(rlp.encode([sender, nonce]))[12:]))


def code_hash(code: bytes) -> str:
    """keccak-256 of a piece of code, as explorers show it."""
    return str(Web3.keccak(code).to_0x_hex())


def render(plan: Plan, gas: Mapping[str, int | None], price: Price, l1_fee_wei: int, done: Sequence[str] = ()) -> str:
    """The plan for a person to read. `gas` by step, None where it cannot be known yet; `done` were signed earlier."""
    sections = (
        _network(plan),
        _roles(plan),
        _terms(plan),
        _transactions(plan, gas, done),
        _cost(plan, gas, price, l1_fee_wei),
    )
    return "\n\n".join("\n".join(section) for section in sections)


def cost_wei(gas: Mapping[str, int | None], price: Price, l1_fee_wei: int) -> tuple[int, int]:
    """(about, at most) what the steps cost in wei."""
    units = sum(amount or 0 for amount in gas.values())
    return units * price.now + l1_fee_wei, units * price.most + l1_fee_wei


def coins(wei: int, network: Network) -> str:
    """An amount of the network's coin with its name, six decimals."""
    return f"{wei / WEI_PER_COIN:.6f} {network.coin}"


def duration(seconds: int) -> str:
    """Seconds, and the same in days, hours and minutes."""
    rest, parts = seconds, []
    for name, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count} {name}")
    return f"{seconds} s ({' '.join(parts) or '0 s'})"


def _token_steps(deployer: str, nonce: int, mock: Compiled, mints: Sequence[tuple[str, int]]) -> Iterator[Step]:
    token = created_address(deployer, nonce)
    yield Step("MockUSDC", nonce, None, mock.creation, token)
    for place, (recipient, amount) in enumerate(mints, 1):
        data = Web3.keccak(text="mint(address,uint256)")[:4] + encode(["address", "uint256"], [recipient, amount])
        yield Step(f"mint {place}", nonce + place, token, bytes(data))


def _network(plan: Plan) -> list[str]:
    network = plan.network
    kind = "local" if network.is_local else "test network" if network.is_test else "MAINNET: real money"
    listed = (
        "MockUSDC, created by this run"
        if "MockUSDC" in plan.created
        else ("the network's USDC" if plan.token.lower() == network.usdc_address.lower() else "NOT in the table")
    )
    return [
        f"Network        {network.name}, chain {network.chain_id} ({kind})",
        f"Confirmations  {network.confirmations}",
        f"Deployer       {plan.deployer}, nonce {plan.steps[0].nonce}",
        f"Token          {plan.token} ({listed})",
    ]


def _roles(plan: Plan) -> list[str]:
    parameters = plan.parameters
    return [
        f"Owner          {parameters.owner}",
        f"Operator       {parameters.operator}",
        f"Guardian       {parameters.guardian}",
        f"Treasury       {parameters.treasury}",
        *(f"Attestor {place:<5} {address}" for place, address in enumerate(parameters.attestors, 1)),
    ]


def _terms(plan: Plan) -> list[str]:
    terms = plan.parameters
    return [
        f"Quorum         {terms.threshold} of {len(terms.attestors)} attestors",
        f"Fee            {terms.fee_bps} bp ({terms.fee_bps / 100:g} %), never above {terms.fee_bps_max} bp",
        f"Window         {duration(terms.window_seconds)} to challenge a settlement",
        f"Notice         {duration(terms.notice_seconds)} before a withdrawal",
        f"Timelock       {duration(terms.timelock_seconds)} before a change of roles or terms, fixed for ever",
        f"Escape         {duration(terms.escape_seconds)} is the longest that a withdrawal waits, fixed for ever",
    ]


def _transactions(plan: Plan, gas: Mapping[str, int | None], done: Sequence[str]) -> list[str]:
    lines = ["Transactions"]
    for step in plan.steps:
        amount = gas.get(step.name)
        state = "signed earlier" if step.name in done else f"about {amount:,} gas" if amount else "gas not known yet"
        lines.append(f"  nonce {step.nonce:<5} {step.name:<16} {state}")
    lines.append("Contracts that come to be")
    for name, address in plan.created.items():
        creation = plan.contracts[name].creation
        lines.append(f"  {name:<16} {address}  creation code {len(creation)} bytes, keccak {code_hash(creation)}")
    return lines


def _cost(plan: Plan, gas: Mapping[str, int | None], price: Price, l1_fee_wei: int) -> list[str]:
    about, most = cost_wei(gas, price, l1_fee_wei)
    gwei = f"{price.now / WEI_PER_GWEI:.3f} gwei now, at most {price.most / WEI_PER_GWEI:.3f}"
    data = [f"L1 data fee    {coins(l1_fee_wei, plan.network)}"] if l1_fee_wei else []
    return [
        f"Gas price      {gwei}",
        *data,
        f"Cost           about {coins(about, plan.network)}, at most {coins(most, plan.network)}",
    ]

"""Compares a deployment on the chain with its plan: every role, term, binding, and the code byte by byte."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eth_abi.abi import encode
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import Web3Exception

from scripts.deploying.compiled import Compiled
from scripts.deploying.deployment import Parameters
from scripts.deploying.plan import Plan
from scripts.deploying.token_check import DOMAIN_TYPEHASH

ZERO = "0x" + "00" * 20
WORD = 32
DOMAIN_VERSION = "1"

Getter = tuple[str, tuple[object, ...], object]


def differences(web3: Web3, plan: Plan, block: int) -> list[str]:
    """One line for each thing on the chain at `block` that is not as planned; empty when all is."""
    escrow, payout = plan.created["CampaignEscrow"], plan.created["PublisherPayout"]
    found = [
        *_code_differences(web3, plan, "CampaignEscrow", block),
        *_code_differences(web3, plan, "PublisherPayout", block),
    ]
    if found:
        # Getters of other code mean nothing.
        return found
    return [
        *_getter_differences(
            _contract(web3, plan, "CampaignEscrow"), escrow_getters(plan.parameters, plan.token, payout), block
        ),
        *_getter_differences(_contract(web3, plan, "PublisherPayout"), payout_getters(plan.token, escrow), block),
    ]


def escrow_getters(parameters: Parameters, token: str, payout: str) -> list[Getter]:
    """(getter, arguments, planned answer) of everything that the escrow's constructor sets."""
    return [
        ("token", (), token),
        ("payout", (), payout),
        ("owner", (), parameters.owner),
        ("pending_owner", (), ZERO),
        ("operator", (), parameters.operator),
        ("guardian", (), parameters.guardian),
        ("treasury", (), parameters.treasury),
        *(("is_attestor", (attestor,), True) for attestor in parameters.attestors),
        ("attestor_count", (), len(parameters.attestors)),
        ("threshold", (), parameters.threshold),
        ("fee_bps_at", (1,), parameters.fee_bps),
        ("fee_bps_max", (), parameters.fee_bps_max),
        ("window", (), parameters.window_seconds),
        ("notice", (), parameters.notice_seconds),
        ("timelock", (), parameters.timelock_seconds),
        ("escape", (), parameters.escape_seconds),
    ]


def payout_getters(token: str, escrow: str) -> list[Getter]:
    """(getter, arguments, planned answer) of everything that the payout contract's constructor sets."""
    return [("token", (), token), ("escrow", (), escrow), ("root", (), bytes(WORD))]


def immutable_values(plan: Plan, name: str) -> Mapping[str, bytes]:
    """What the constructors of our contracts must have left behind the code, by the immutable's name."""
    address, terms = plan.created[name], plan.parameters
    return {
        "NAME": _text(name),
        "CACHED_CHAIN_ID": _word(plan.network.chain_id),
        "CACHED_SEPARATOR": domain_separator(name, plan.network.chain_id, address),
        "FEE_BPS_MAX": _word(terms.fee_bps_max),
        "TIMELOCK_SECONDS": _word(terms.timelock_seconds),
        "ESCAPE_SECONDS": _word(terms.escape_seconds),
        "TOKEN": _word(int(plan.token, 16)),
        "PAYOUT": _word(int(plan.created["PublisherPayout"], 16)),
        "ESCROW": _word(int(plan.created["CampaignEscrow"], 16)),
    }


def domain_separator(name: str, chain_id: int, address: str) -> bytes:
    """The EIP-712 domain separator of one of our contracts."""
    values = [DOMAIN_TYPEHASH, Web3.keccak(text=name), Web3.keccak(text=DOMAIN_VERSION), chain_id, address]
    return bytes(Web3.keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"], values)))


def _code_differences(web3: Web3, plan: Plan, name: str, block: int) -> Iterator[str]:
    contract: Compiled = plan.contracts[name]
    code = bytes(web3.eth.get_code(Web3.to_checksum_address(plan.created[name]), block))
    if not code:
        yield f"{name}: there is no code at {plan.created[name]}"
        return
    length = len(contract.runtime)
    if code[:length] != contract.runtime or len(code) != contract.deployed_bytes:
        yield (
            f"{name}: the code at {plan.created[name]} ({len(code)} bytes) is not what the sources make "
            f"({contract.deployed_bytes} bytes)"
        )
        return
    values = immutable_values(plan, name)
    for place in contract.immutables:
        start = length + place.offset
        held = code[start : start + place.length]
        # A name that is missing here is a new immutable of the sources: what it should hold must be said.
        if held != values.get(place.name):
            yield f"{name}: immutable {place.name} is 0x{held.hex()}, planned {_planned(values.get(place.name))}"


def _getter_differences(contract: Contract, getters: Sequence[Getter], block: int) -> Iterator[str]:
    for getter, arguments, planned in getters:
        try:
            held: Any = contract.functions[getter](*arguments).call(block_identifier=block)
        except Web3Exception as error:
            held = f"no answer ({type(error).__name__})"
        if _comparable(held) != _comparable(planned):
            called = f"{getter}({', '.join(map(str, arguments))})"
            yield f"{called} at {contract.address} is {held}, planned {planned}"


def _contract(web3: Web3, plan: Plan, name: str) -> Contract:
    address = Web3.to_checksum_address(plan.created[name])
    return web3.eth.contract(address=address, abi=plan.contracts[name].abi)


def _comparable(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _word(number: int) -> bytes:
    return number.to_bytes(WORD, "big")


def _text(text: str) -> bytes:
    """A String[32] as the compiler stores it: length, then the characters."""
    return _word(len(text)) + text.encode().ljust(WORD, b"\0")


def _planned(value: bytes | None) -> str:
    return "nothing: scripts/deploying/read_back.py does not know it" if value is None else f"0x{value.hex()}"

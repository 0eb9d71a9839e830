"""Small questions to a chain that several scripts ask."""

from eth_abi.abi import decode, encode
from hexbytes import HexBytes
from web3 import Web3

from scripts.deploying.deployment import DeploymentRefused

# An account that delegates to code is still ruled by its one key (EIP-7702).
DELEGATION = bytes.fromhex("ef0100")
# OP-stack chains charge for data on their L1 besides gas; this contract of theirs says how much.
GAS_PRICE_ORACLE = Web3.to_checksum_address("0x420000000000000000000000000000000000000F")
# Nonce, fees, gas and signature of a transaction, besides its data.
ENVELOPE_BYTES = 120


def has_contract(web3: Web3, address: str) -> bool:
    """Whether an account is a contract, so that no single key stands behind it as far as the chain can tell."""
    code = bytes(web3.eth.get_code(Web3.to_checksum_address(address)))
    return bool(code) and not code.startswith(DELEGATION)


def account_nonce(web3: Web3, address: str) -> int:
    """The nonce of an account's next transaction. Raises DeploymentRefused while others of it wait to be mined."""
    account = Web3.to_checksum_address(address)
    mined = web3.eth.get_transaction_count(account, "latest")
    waiting = web3.eth.get_transaction_count(account, "pending") - mined
    if waiting > 0:
        raise DeploymentRefused(f"{address} has {waiting} transactions that are not mined yet: wait for them first")
    return int(mined)


def genesis(web3: Web3) -> str:
    """The hash of the first block, which tells chains with the same id apart."""
    return str(web3.eth.get_block(0)["hash"].to_0x_hex())


def l1_fee_wei(web3: Web3, data: bytes) -> int:
    """What an OP-stack chain charges for a transaction's data, in wei; zero on other chains."""
    if not web3.eth.get_code(GAS_PRICE_ORACLE):
        return 0
    padded = data + bytes([255]) * ENVELOPE_BYTES
    call = Web3.keccak(text="getL1Fee(bytes)")[:4] + encode(["bytes"], [padded])
    (fee,) = decode(["uint256"], bytes(web3.eth.call({"to": GAS_PRICE_ORACLE, "data": HexBytes(call)})))
    return int(fee)

"""Whether the token that budgets will be held in is USDC and answers like it: a wrong one cannot be changed later."""

from collections.abc import Callable

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import Web3Exception

from scripts.deploying.deployment import DeploymentRefused
from scripts.deploying.networks import Network

DECIMALS = 6
SYMBOL = "USDC"
DOMAIN_TYPEHASH = Web3.keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
# EIP-3009; the escrow's deposit_with_authorization needs it.
RECEIVE_TYPEHASH = Web3.keccak(
    text="ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,"
    "bytes32 nonce)"
)


def choose_token(network: Network, token: str | None, is_unlisted_wanted: bool) -> str | None:
    """The token's address; None on a local chain where a MockUSDC is to be deployed.

    Raises DeploymentRefused for another token than the network's USDC unless that was asked for twice.
    """
    if network.is_local:
        return token
    if token is None or token.lower() == network.usdc_address.lower():
        return network.usdc_address
    if not is_unlisted_wanted:
        raise DeploymentRefused(
            f"--token {token} is not {network.name}'s USDC, which is {network.usdc_address}. "
            "The token is fixed for ever and whoever issues it can take every budget; leave --token out, or add "
            "--unlisted-token if you mean it"
        )
    return token


def check_token(web3: Web3, network: Network, token: str, treasury: str) -> None:
    """Raises DeploymentRefused, with every difference, when a token does not answer as the network's USDC would."""
    if not web3.eth.get_code(Web3.to_checksum_address(token)):
        raise DeploymentRefused(f"there is no contract at the token's address {token} on chain {network.chain_id}")
    if network.is_local:
        return
    read = _reader(web3, token)
    name, version = read("name()", "string"), read("version()", "string")
    separator = Web3.keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [DOMAIN_TYPEHASH, Web3.keccak(text=str(name)), Web3.keccak(text=str(version)), network.chain_id, token],
        )
    )
    is_listed = token.lower() == network.usdc_address.lower()
    expected = {
        "decimals": (read("decimals()", "uint8"), DECIMALS),
        "symbol": (read("symbol()", "string"), SYMBOL),
        "name (EIP-712)": (name, network.usdc_name if is_listed else name),
        "version (EIP-712)": (version, network.usdc_version),
        "DOMAIN_SEPARATOR": (read("DOMAIN_SEPARATOR()", "bytes32"), bytes(separator)),
        "EIP-3009 type hash": (read("RECEIVE_WITH_AUTHORIZATION_TYPEHASH()", "bytes32"), bytes(RECEIVE_TYPEHASH)),
        "paused": (read("paused()", "bool"), False),
        "treasury is blacklisted": (read("isBlacklisted(address)", "bool", treasury), False),
    }
    wrong = [
        f"  - {what}: {_shown(found)}, should be {_shown(wanted)}"
        for what, (found, wanted) in expected.items()
        if found != wanted
    ]
    if wrong:
        raise DeploymentRefused(f"{token} does not answer like {network.name}'s USDC:\n" + "\n".join(wrong))


def _reader(web3: Web3, token: str) -> Callable[..., object]:
    def read(signature: str, result: str, *arguments: str) -> object:
        """A getter's answer; None when there is none."""
        data = Web3.keccak(text=signature)[:4] + encode(["address"] * len(arguments), arguments)
        try:
            answer = web3.eth.call({"to": Web3.to_checksum_address(token), "data": HexBytes(data)})
            (value,) = decode([result], bytes(answer))
        except (Web3Exception, DecodingError, ValueError):
            return None
        return value

    return read


def _shown(value: object) -> str:
    if value is None:
        return "no answer"
    return "0x" + value.hex() if isinstance(value, bytes) else repr(value)

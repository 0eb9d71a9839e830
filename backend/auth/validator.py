"""The question "did this contract wallet sign that?" as one eth_call that needs no contract of ours on the chain.

The call creates a contract, so its data runs as a program and what the program returns is the answer (the technique of
EIP-6492's universal validator). If the wallet has no code and the signature says how to make it, its factory is called
first; nothing of it lasts. An inner call may fail, burn its gas or answer a megabyte: we read 32 bytes of it.
"""

from eth_abi.abi import encode

from backend.auth.signature import WalletSignature
from backend.core.ids import Address

SELECTOR = bytes.fromhex("1626ba7e")           # isValidSignature(bytes32,bytes), and the answer of a wallet that agrees
YES = SELECTOR + bytes(28)
"""The whole word counts: the precompile at address 4 repeats its input, so it answers everybody with the selector."""

WALLET_GAS, FACTORY_GAS = 5_000_000, 6_000_000
CALL_GAS = 12_000_000                          # what is left over pays for the data, and lets the program end

_MEANINGS = {
    "LT": 0x10, "EQ": 0x14, "ISZERO": 0x15, "AND": 0x16, "CODECOPY": 0x39, "EXTCODESIZE": 0x3B, "RETURNDATASIZE": 0x3D,
    "POP": 0x50, "MLOAD": 0x51, "MSTORE": 0x52, "JUMPI": 0x57, "JUMPDEST": 0x5B, "CALL": 0xF1, "RETURN": 0xF3,
    "STATICCALL": 0xFA,
}
_Word = str | int | bytes


def question(wallet: Address, digest: bytes, signature: WalletSignature) -> bytes:
    """`data` of an eth_call without `to`; see `agrees` for what comes back."""
    asked = SELECTOR + encode(["bytes32", "bytes"], [digest, signature.signature])
    making = signature.factory_data
    size = len(_program(wallet, signature.factory, len(asked), len(making), code_bytes=0))
    return _program(wallet, signature.factory, len(asked), len(making), code_bytes=size) + asked + making


def agrees(answer: bytes) -> bool | None:
    """Whether the wallet signed; None when the answer is not one of our program."""
    return {(1).to_bytes(32, "big"): True, bytes(32): False}.get(answer)


def _program(wallet: Address, factory: Address | None, asked: int, making: int, *, code_bytes: int) -> bytes:
    """The program; behind it lie what the wallet is asked and what makes the wallet. Operands are pushed last first."""
    copy: list[_Word] = [asked + making, code_bytes, 0, "CODECOPY"]
    make = b""
    if factory is not None:
        call = _assembled([0, 0, making, asked, 0, _bytes(factory), FACTORY_GAS, "CALL", "POP"])
        # the wallet is made only where it is missing: else jump over the call
        start = len(_assembled([*copy, _bytes(wallet), "EXTCODESIZE", 0, "JUMPI"]))
        make = _assembled([_bytes(wallet), "EXTCODESIZE", start + len(call), "JUMPI"]) + call + _assembled(["JUMPDEST"])
    answer = asked + making
    return _assembled(copy) + make + _assembled([
        32, answer, asked, 0, _bytes(wallet), WALLET_GAS, "STATICCALL",
        32, "RETURNDATASIZE", "LT", "ISZERO", "AND",
        answer, "MLOAD", YES, "EQ", "AND",
        0, "MSTORE", 32, 0, "RETURN",
    ])


def _assembled(words: list[_Word]) -> bytes:
    """Machine code: names are instructions, numbers and bytes are pushed (numbers always as 4 bytes)."""
    return b"".join(
        bytes([_MEANINGS[word]]) if isinstance(word, str)
        else _push(word.to_bytes(4, "big") if isinstance(word, int) else word)
        for word in words
    )


def _push(value: bytes) -> bytes:
    return bytes([0x5F + len(value)]) + value


def _bytes(wallet: Address) -> bytes:
    return bytes.fromhex(wallet[2:])

"""Proofs that an answer of a node is the chain's own: header hashes, blooms, and receipts against their root.

A node may lie or drop a log and still answer 200; what is indexed is only what hashes to the header.
Encodings: Ethereum Yellow Paper §4.3 and appendices B (RLP), D (Merkle-Patricia trie); EIP-2718, 1559, 4895, 4788,
4844 and 7685 for the later fields. Everything here is pure; numbers and hashes arrive as the hex strings of JSON-RPC.
"""

from collections.abc import Sequence

import sha3

from indexer.answers import Header, Receipt

OP_DEPOSIT = 0x7E  # deposits from L1 on OP chains such as Base: two more fields in the receipt since Canyon
EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


class ProofError(ValueError):
    """An answer that does not hash to what the chain says."""


def keccak(data: bytes) -> bytes:
    """32-byte Keccak-256."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest


# --- RLP --------------------------------------------------------------------------------------------------------


def rlp_bytes(item: bytes) -> bytes:
    """RLP of a byte string."""
    size = len(item)
    if size == 1 and item[0] < 0x80:
        return item
    return (bytes((0x80 + size,)) if size < 56 else _long(0xB7, size)) + item


def rlp_list(encoded: Sequence[bytes]) -> bytes:
    """RLP of a list whose items are encoded already."""
    payload = b"".join(encoded)
    size = len(payload)
    return (bytes((0xC0 + size,)) if size < 56 else _long(0xF7, size)) + payload


def _long(offset: int, size: int) -> bytes:
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((offset + len(length),)) + length


def _data(text: str) -> bytes:
    """RLP of a hex string taken as bytes."""
    return rlp_bytes(bytes.fromhex(text[2:]))


def _quantity(text: str) -> bytes:
    """RLP of a hex string taken as a number (no leading zeros)."""
    value = int(text, 16)
    return rlp_bytes(value.to_bytes((value.bit_length() + 7) // 8, "big"))


# --- headers ----------------------------------------------------------------------------------------------------


def header_hash(header: Header) -> str:
    """Hash of the header's RLP. Fields that later forks added are included as far as the header has them."""
    fields = [
        _data(header.parent_hash),
        _data(header.sha3_uncles),
        _data(header.miner),
        _data(header.state_root),
        _data(header.transactions_root),
        _data(header.receipts_root),
        _data(header.logs_bloom),
        _quantity(header.difficulty),
        _quantity(header.number),
        _quantity(header.gas_limit),
        _quantity(header.gas_used),
        _quantity(header.timestamp),
        _data(header.extra_data),
        _data(header.mix_hash),
        _data(header.nonce),
    ]
    later = (
        (_quantity, header.base_fee_per_gas),
        (_data, header.withdrawals_root),
        (_quantity, header.blob_gas_used),
        (_quantity, header.excess_blob_gas),
        (_data, header.parent_beacon_block_root),
        (_data, header.requests_hash),
    )
    fields += [encode(value) for encode, value in later if value is not None]
    return "0x" + keccak(rlp_list(fields)).hex()


def check_header(header: Header) -> None:
    """Raises ProofError when the header does not hash to the hash it carries."""
    computed = header_hash(header)
    if computed != header.hash:
        raise ProofError(f"header of block {int(header.number, 16)} hashes to {computed}, not {header.hash}")


# --- blooms -----------------------------------------------------------------------------------------------------


def bloom_mask(value: bytes) -> int:
    """The three bits that `value` (an address or a topic) sets in a 2048-bit bloom."""
    digest = keccak(value)
    mask = 0
    for i in (0, 2, 4):
        mask |= 1 << (((digest[i] << 8) | digest[i + 1]) & 2047)
    return mask


def may_contain(header: Header, masks: Sequence[int]) -> bool:
    """Whether any of the masked values may occur in the block's logs. False is a proof of absence."""
    bloom = int.from_bytes(bytes.fromhex(header.logs_bloom[2:]), "big")
    return any(bloom & mask == mask for mask in masks)


# --- receipts ---------------------------------------------------------------------------------------------------


def receipt_bytes(receipt: Receipt) -> bytes:
    """A receipt as it stands in the trie: RLP, prefixed by the transaction type unless that is 0 (EIP-2718)."""
    if receipt.status is not None:
        outcome = _quantity(receipt.status)
    elif receipt.root is not None:
        outcome = _data(receipt.root)
    else:
        raise ProofError("a receipt has neither status nor root")
    logs = [
        rlp_list((_data(log.address), rlp_list([_data(topic) for topic in log.topics]), _data(log.data)))
        for log in receipt.logs
    ]
    fields = [outcome, _quantity(receipt.cumulative_gas_used), _data(receipt.logs_bloom), rlp_list(logs)]
    kind = int(receipt.type, 16)
    if kind == OP_DEPOSIT and receipt.deposit_nonce is not None and receipt.deposit_receipt_version is not None:
        fields += [_quantity(receipt.deposit_nonce), _quantity(receipt.deposit_receipt_version)]
    body = rlp_list(fields)
    return body if kind == 0 else bytes((kind,)) + body


def check_receipts(header: Header, receipts: Sequence[Receipt]) -> None:
    """Raises ProofError unless these are all receipts of the block, in order, byte for byte."""
    try:
        root = receipts_root(receipts)
    except ValueError as error:
        raise ProofError(f"receipts of block {int(header.number, 16)} cannot be encoded: {error}") from error
    if root != header.receipts_root:
        raise ProofError(f"receipts of block {int(header.number, 16)} give root {root}, not {header.receipts_root}")


def receipts_root(receipts: Sequence[Receipt]) -> str:
    """Root of the trie `RLP(index) -> receipt`."""
    if not receipts:
        return EMPTY_ROOT
    items = sorted((_nibbles(_index(i)), receipt_bytes(receipt)) for i, receipt in enumerate(receipts))
    return "0x" + keccak(_trie_node(items, 0)).hex()


def _index(number: int) -> bytes:
    return rlp_bytes(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _nibbles(key: bytes) -> bytes:
    """Each byte as two half-bytes, so that keys can be compared and cut nibble by nibble."""
    return bytes(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _trie_node(items: Sequence[tuple[bytes, bytes]], depth: int) -> bytes:
    """RLP of the node over the sorted items, all of which agree on their first `depth` nibbles."""
    first, value = items[0]
    if len(items) == 1:
        return rlp_list((rlp_bytes(_compact(first[depth:], leaf=True)), rlp_bytes(value)))
    shared = _shared(first, items[-1][0], depth)
    if shared > depth:
        below = _reference(_trie_node(items, shared))
        return rlp_list((rlp_bytes(_compact(first[depth:shared], leaf=False)), below))
    children = [_child(items, depth, nibble) for nibble in range(16)]
    return rlp_list([*children, b"\x80"])  # no key is a prefix of another, so a branch holds no value


def _child(items: Sequence[tuple[bytes, bytes]], depth: int, nibble: int) -> bytes:
    chosen = [item for item in items if item[0][depth] == nibble]
    return _reference(_trie_node(chosen, depth + 1)) if chosen else b"\x80"


def _shared(first: bytes, last: bytes, depth: int) -> int:
    """Length of the common prefix; of sorted keys it is that of the first and the last."""
    while depth < len(first) and depth < len(last) and first[depth] == last[depth]:
        depth += 1
    return depth


def _reference(node: bytes) -> bytes:
    """A child inside its parent: itself when short, else its hash."""
    return node if len(node) < 32 else rlp_bytes(keccak(node))


def _compact(nibbles: bytes, *, leaf: bool) -> bytes:
    """Hex-prefix encoding of a path (Yellow Paper, appendix C)."""
    flag = 2 if leaf else 0
    padded = bytes((flag + 1, *nibbles)) if len(nibbles) % 2 else bytes((flag, 0, *nibbles))
    return bytes(padded[i] << 4 | padded[i + 1] for i in range(0, len(padded), 2))

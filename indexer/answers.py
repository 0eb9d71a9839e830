"""The shapes of JSON-RPC answers that we read: only the fields we use, typed, everything else is skipped unread."""

import msgspec


class LogAnswer(msgspec.Struct, rename="camel", gc=False, frozen=True):
    """One log of a receipt or of `eth_getLogs`."""

    address: str
    topics: list[str]
    data: str
    log_index: str
    transaction_hash: str
    block_hash: str
    block_number: str
    removed: bool = False


class Receipt(msgspec.Struct, rename="camel", gc=False, frozen=True):
    """One receipt of `eth_getBlockReceipts`."""

    transaction_hash: str
    block_hash: str
    cumulative_gas_used: str
    logs_bloom: str
    logs: list[LogAnswer]
    type: str = "0x0"
    status: str | None = None
    root: str | None = None
    deposit_nonce: str | None = None
    deposit_receipt_version: str | None = None


class Header(msgspec.Struct, rename="camel", gc=False, frozen=True):
    """One block of `eth_getBlockByNumber(n, false)`."""

    hash: str
    parent_hash: str
    sha3_uncles: str
    miner: str
    state_root: str
    transactions_root: str
    receipts_root: str
    logs_bloom: str
    difficulty: str
    number: str
    gas_limit: str
    gas_used: str
    timestamp: str
    extra_data: str
    mix_hash: str
    nonce: str
    transactions: list[str]
    base_fee_per_gas: str | None = None
    withdrawals_root: str | None = None
    blob_gas_used: str | None = None
    excess_blob_gas: str | None = None
    parent_beacon_block_root: str | None = None
    requests_hash: str | None = None


class Transaction(msgspec.Struct, rename="camel", gc=False, frozen=True):
    """The part of `eth_getTransactionByHash` that matters: the calldata."""

    hash: str
    input: str


class Call(msgspec.Struct, frozen=True):
    """One frame of `debug_traceTransaction` with the call tracer."""

    input: str = "0x"
    calls: list["Call"] = []  # msgspec copies mutable defaults


class Refusal(msgspec.Struct, frozen=True):
    """The error object of JSON-RPC 2.0."""

    code: int = 0
    message: str = ""

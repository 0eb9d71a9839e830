# pragma version 0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title Emitter
@notice Emits whatever it is told, so that tests can make blocks with any number of logs of any shape; calls others.
"""

struct Record:
    topics: DynArray[bytes32, 4]
    data: Bytes[320]


@external
def emit_logs(records: DynArray[Record, 64]):
    for record: Record in records:
        topics: DynArray[bytes32, 4] = record.topics
        if len(topics) == 0:
            raw_log([], record.data)
        elif len(topics) == 1:
            raw_log([topics[0]], record.data)
        elif len(topics) == 2:
            raw_log([topics[0], topics[1]], record.data)
        elif len(topics) == 3:
            raw_log([topics[0], topics[1], topics[2]], record.data)
        else:
            raw_log([topics[0], topics[1], topics[2], topics[3]], record.data)


@external
def forward(target: address, data: Bytes[16384], mask: uint256):
    """
    @notice Calls `target` with `data`, each word of it xored with `mask`: the real calldata exists only inside the call.
    """
    plain: Bytes[16384] = data
    if mask != 0:
        selector: Bytes[4] = slice(data, 0, 4)
        body: DynArray[bytes32, 512] = []
        for i: uint256 in range((len(data) - 4) // 32, bound=512):
            body.append(convert(convert(extract32(data, 4 + 32 * i), uint256) ^ mask, bytes32))
        raw_call(target, concat(selector, slice(abi_encode(body), 64, 32 * len(body))))
    else:
        raw_call(target, data)

"""Records blocks of a running node for the proof tests.

`python tests/indexer/record.py RPC_URL FIRST LAST > tests/indexer/blocks/NAME.json`
Only what the indexer reads is kept: the fields of `indexer.answers`, header and receipts.
"""

import sys

import msgspec

from indexer.answers import Header, Receipt
from indexer.rpc import Client


class RecordedBlock(msgspec.Struct):
    header: Header
    receipts: list[Receipt]


def main() -> None:
    url, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    client = Client(url)
    headers = client.headers(range(first, last + 1))
    receipts = client.receipts([header.hash for header in headers])
    blocks = [RecordedBlock(header, found) for header, found in zip(headers, receipts, strict=True)]
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(blocks), indent=1).decode() + "\n")


if __name__ == "__main__":
    main()

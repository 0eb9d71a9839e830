"""The connection of the scripts that only look: to the node that ape's `--network` chose, whatever chain it serves."""

from typing import Any

from backend.chain.client import Chain


def connect(provider: Any) -> Chain:
    """A reader of the chain of ape's provider."""
    return Chain(provider.http_uri, provider.chain_id)

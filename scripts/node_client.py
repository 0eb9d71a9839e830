"""The connection of the scripts that only look: to the node that ape's `--network` chose, whatever chain it serves."""

from typing import Any

from web3.middleware import ExtraDataToPOAMiddleware

from backend.chain.client import Chain


def connect(provider: Any) -> Chain:
    """A reader of the chain of ape's provider."""
    return connect_to(provider.http_uri, provider.chain_id)


def connect_to(rpc_url: str, chain_id: int) -> Chain:
    """A reader of a chain. Polygon's blocks carry validators in `extraData`; web3 calls that a fault unless told."""
    chain = Chain(rpc_url, chain_id)
    chain.web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return chain

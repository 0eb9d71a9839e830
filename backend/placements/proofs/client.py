"""Asks the chain of Decentraland's land who holds a parcel or a name."""

from typing import Any

from web3 import Web3
from web3.exceptions import BadFunctionCallOutput, ContractLogicError, Web3Exception

from backend.core.errors import Unavailable
from backend.core.ids import Address, address
from backend.placements.proofs.proof import land_id, name_id
from backend.placements.world import Name, Parcel

READ_SECONDS = 5
_NOBODY = "0x" + "00" * 20
_TOKEN = [{"name": "token", "type": "uint256"}]


def _view(name: str, output: str) -> dict[str, Any]:
    """ABI of a view function of one token."""
    return {
        "type": "function", "name": name, "stateMutability": "view", "inputs": _TOKEN,
        "outputs": [{"name": "", "type": output}],
    }


_ABI = [_view("ownerOf", "address"), _view("updateOperator", "address"), _view("getLandEstateId", "uint256")]


class LandClient:
    """Reads LANDRegistry, EstateRegistry (which owns the parcels of estates) and the registrar of names."""

    def __init__(self, rpc_url: str, land: str, estates: str, names: str) -> None:
        self._web3 = Web3(Web3.HTTPProvider(rpc_url, request_kwargs={"timeout": READ_SECONDS}))
        self._land, self._estates, self._names = land.lower(), estates.lower(), names.lower()

    def holders(self, place: Parcel | Name) -> frozenset[Address]:
        """Who owns the place, or may change what stands on it; nobody when there is no such place.

        Raises Unavailable `land_unavailable` when the chain does not answer.
        """
        try:
            found = self._name(place) if isinstance(place, Name) else self._parcel(place)
        except (Web3Exception, OSError, ValueError) as error:
            raise Unavailable("land_unavailable", "the chain of the land does not answer") from error
        return frozenset(address(holder) for holder in found if holder and holder != _NOBODY)

    def _name(self, name: Name) -> list[str | None]:
        return [self._ask(self._names, "ownerOf", name_id(name))]

    def _parcel(self, parcel: Parcel) -> list[str | None]:
        token = land_id(parcel)
        owner = self._ask(self._land, "ownerOf", token)
        if owner is None or owner.lower() != self._estates:
            return [owner, self._ask(self._land, "updateOperator", token)]
        estate = int(self._ask(self._estates, "getLandEstateId", token) or 0)
        return [
            self._ask(self._estates, "ownerOf", estate), self._ask(self._estates, "updateOperator", estate),
            self._ask(self._land, "updateOperator", token),
        ]

    def _ask(self, contract: str, function: str, token: int) -> str | None:
        """What the contract says; None when it refuses, as for a token that does not exist."""
        at = self._web3.eth.contract(Web3.to_checksum_address(contract), abi=_ABI)
        try:
            return str(at.functions[function](token).call())
        except ContractLogicError:
            return None
        except BadFunctionCallOutput as error:
            raise ValueError("there is no such contract") from error

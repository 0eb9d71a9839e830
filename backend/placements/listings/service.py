"""The public lists of sellers, and a publisher's consent to be named in them."""

from urllib.parse import urlsplit

from backend.core.errors import Conflict, NotFound
from backend.core.ids import Address, WorldId
from backend.db.audit import record
from backend.db.engine import Connection, Engine
from backend.placements.listings import store
from backend.placements.listings.lists import Seller, ads_txt, sellers_json, still_named, world_ads_txt


class ListingService:
    """`require_proof`: only publishers who have proved control of a world are sellers."""

    def __init__(self, engine: Engine, *, public_url: str, contact: str, require_proof: bool) -> None:
        self._engine = engine
        self._domain = urlsplit(public_url).hostname or ""
        self._contact = contact
        self._require_proof = require_proof

    def sellers_json(self) -> dict[str, object]:
        with self._engine.begin() as connection:
            found = store.sellers(connection, verified=self._require_proof)
        return sellers_json([still_named(seller, urls) for seller, urls in found], self._contact)

    def ads_txt(self) -> str:
        return ads_txt(self._domain)

    def world_ads_txt(self, world: WorldId) -> str:
        """What the publisher of any world should publish. Raises NotFound `world_unknown`."""
        with self._engine.begin() as connection:
            seller = store.seller_of_world(connection, world)
        if seller is None:
            raise NotFound("world_unknown", f"there is no world {world}")
        return world_ads_txt(self._domain, seller, world)

    def listing(self, wallet: Address) -> Seller:
        with self._engine.begin() as connection:
            return _known(connection, wallet)

    def agree(self, wallet: Address, name: str, domain: str) -> Seller:
        """Be named in sellers.json. Raises Conflict `domain_not_proved` unless a world on `domain` is verified."""
        with self._engine.begin() as connection:
            seller = _known(connection, wallet, lock=True)
            named = Seller(seller.index, name, domain)
            if still_named(named, store.verified_urls(connection, seller.index)) != named:
                raise Conflict("domain_not_proved", f"none of your worlds is verified at {domain}")
            store.write_listing(connection, named)
            record(connection, "publisher.list", f"publisher:{seller.index}")
            return named

    def withdraw(self, wallet: Address) -> None:
        """Be named no more; the number stays, as payments need it."""
        with self._engine.begin() as connection:
            seller = _known(connection, wallet, lock=True)
            store.write_listing(connection, Seller(seller.index))
            record(connection, "publisher.unlist", f"publisher:{seller.index}")


def _known(connection: Connection, wallet: Address, *, lock: bool = False) -> Seller:
    found = store.seller_of(connection, wallet, lock=lock)
    if found is None:
        raise NotFound("publisher_unknown", "this wallet is not a publisher yet; create a world first")
    return found

"""What operators do about entries that could not be stored: look, put back after a repair, discard for good."""

import logging
from collections.abc import Iterator

import redis

from backend.core.errors import NotFound
from backend.ingest.poison import store
from backend.ingest.poison.store import SetAside

log = logging.getLogger("sightline.ingest")


class PoisonService:
    """Over the same Redis as the consumer's."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def waiting(self) -> Iterator[SetAside]:
        """All that are there now, the oldest first."""
        return store.waiting(self._redis)

    def count(self) -> int:
        return store.count(self._redis)

    def show(self, name: str) -> SetAside:
        """Raises NotFound."""
        found = store.of(self._redis, name)
        if found is None:
            raise NotFound("entry_unknown", f"no entry {name} is set aside")
        return found

    def put_back(self, name: str) -> None:
        """Into the stream again, where it is stored or set aside anew; what it holds still counts once at most."""
        store.put_back(self._redis, self.show(name))
        log.info("entry %s was put back", name)

    def put_all_back(self) -> int:
        """What waits now, not what is set aside again meanwhile. Returns how many entries."""
        return sum(store.put_back(self._redis, one) for one in self.waiting())

    def discard(self, name: str) -> None:
        """Its events are lost, for good. Raises NotFound."""
        self.show(name)
        store.discard(self._redis, name)
        log.warning("entry %s was discarded", name)

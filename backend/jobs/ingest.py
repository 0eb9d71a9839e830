"""Moves events from the stream into SQL; two workers may run it, one of them works at a time."""

from backend.ingest.service import IngestConsumer


class IngestJob:
    """Loop around `IngestConsumer`."""

    def __init__(self, consumer: IngestConsumer) -> None:
        self._consumer = consumer

    def step(self) -> bool:
        """True when there may be more to do at once."""
        return self._consumer.consume()

"""Loops of the webhooks: send what is due, and forget what was sent long ago."""

from backend.operation.webhooks.service import WebhookSender


class WebhooksJob:
    """Safe in several processes: each delivery is taken by one, and taken again when that one dies."""

    def __init__(self, sender: WebhookSender) -> None:
        self._sender = sender

    def step(self) -> bool:
        """True when something was sent and more may wait."""
        return self._sender.step()

    def forget(self) -> bool:
        """True when more may be old."""
        return self._sender.forget()

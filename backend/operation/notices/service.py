"""What an account was told, and what of it has been read."""

from backend.core.errors import NotFound
from backend.core.ids import Address
from backend.db.engine import Engine
from backend.operation.notices import store
from backend.operation.notices.store import Notice

__all__ = ["Notice", "NoticeService"]


class NoticeService:
    """Notices belong to an account; whoever of its members reads one has read it for all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, account: Address, *, after: int, limit: int, unread: bool = False) -> tuple[list[Notice], int]:
        """Notices from the one after `after`, and how many are unread in all."""
        with self._engine.begin() as connection:
            return store.page(connection, account, after, limit, unread=unread), store.unread(connection, account)

    def mark_read(self, account: Address, notice: int) -> None:
        """Read twice is read once. Raises NotFound `notice_unknown`."""
        with self._engine.begin() as connection:
            if not store.mark_read(connection, account, notice):
                raise NotFound("notice_unknown", f"you have no notice {notice}")

    def mark_read_up_to(self, account: Address, notice: int) -> int:
        """Everything up to and with `notice`; how many of it were unread."""
        with self._engine.begin() as connection:
            return store.mark_read_up_to(connection, account, notice)

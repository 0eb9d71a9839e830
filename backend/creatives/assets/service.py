"""Uploads and what is served of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from backend.core.errors import NotFound
from backend.core.ids import Address, CreativeId
from backend.creatives.assets import store
from backend.creatives.assets.asset import Asset, check_quota
from backend.creatives.files.store import AssetFiles
from backend.creatives.media.inspection import Inspected, inspect
from backend.db.audit import record
from backend.db.engine import Engine

UNUSED_DAYS = 7
ORPHAN_SECONDS = 86_400
SWEEP_ASSETS = 100
THUMBNAIL_TYPE = "image/webp"


@dataclass(frozen=True, slots=True)
class ServedFile:
    """What is sent; `chunks(start, end)` of `size` bytes."""

    sha256: str
    media_type: str
    size: int
    files: AssetFiles

    def chunks(self, start: int, end: int) -> Iterator[bytes]:
        return self.files.chunks(self.sha256, start, end)


class AssetService:
    """Assets of accounts over a store of files. Whatever is not the account's own raises NotFound `asset_unknown`."""

    def __init__(self, engine: Engine, files: AssetFiles) -> None:
        self._engine = engine
        self._files = files

    def upload(self, account: Address, data: bytes, declared: str) -> Asset:
        """The asset made of `data`; the same bytes again give the same asset.

        Raises Unprocessable with a code of media/inspection.py, or Conflict `asset_quota`.
        """
        return self._keep(account, inspect(data, declared))

    def _keep(self, account: Address, inspected: Inspected) -> Asset:
        sha256 = self._files.write(inspected.content, inspected.thumbnail)
        with self._engine.begin() as connection:
            store.lock_account(connection, account)
            found = store.asset_of(connection, account, sha256)
            if found is not None:
                return found
            size = len(inspected.content)
            check_quota(*store.kept(connection, account), size)
            record(connection, "asset.upload", f"asset:{sha256}", kind=inspected.facts.kind.value, bytes=size)
            return store.insert_asset(connection, account, sha256, inspected.facts, size)

    def asset(self, account: Address, sha256: str) -> Asset:
        with self._engine.begin() as connection:
            found = store.asset_of(connection, account, sha256)
        if found is None:
            raise NotFound("asset_unknown", "you have uploaded no asset with this hash")
        return found

    def assets(self, account: Address, *, after: int = 0, limit: int = 100) -> list[Asset]:
        with self._engine.begin() as connection:
            return store.assets_of(connection, account, after, limit)

    def own_file(self, account: Address, sha256: str) -> ServedFile:
        """For its owner, approved or not."""
        return self._file(sha256, self.asset(account, sha256).facts.media_type)

    def own_thumbnail(self, account: Address, sha256: str) -> bytes:
        self.asset(account, sha256)
        return self._thumbnail(sha256)

    def reviewed(self, creative: CreativeId) -> Asset:
        """What a creative shows, for moderators."""
        with self._engine.begin() as connection:
            found = store.asset_of_creative(connection, creative)
        if found is None:
            raise NotFound("asset_unknown", "there is no such creative, or its asset is on another host")
        return found

    def reviewed_file(self, creative: CreativeId) -> ServedFile:
        asset = self.reviewed(creative)
        return self._file(asset.sha256, asset.facts.media_type)

    def reviewed_thumbnail(self, creative: CreativeId) -> bytes:
        return self._thumbnail(self.reviewed(creative).sha256)

    def public_file(self, sha256: str) -> ServedFile:
        """For anybody, while it is approved and not taken down (L56)."""
        return self._file(sha256, self._public_type(sha256))

    def public_thumbnail(self, sha256: str) -> bytes:
        self._public_type(sha256)
        return self._thumbnail(sha256)

    def sweep(self) -> bool:
        """Forget uploads that were never used; True when there may be more.

        Bytes go after the commit. Whoever uploads the same at that very moment writes them before its row, and may have
        to upload again; nothing that a creative shows is ever touched.
        """
        with self._engine.begin() as connection:
            gone = store.delete_unused(connection, UNUSED_DAYS, SWEEP_ASSETS)
        for sha256 in gone:
            self._files.delete(sha256)
        return len(gone) == SWEEP_ASSETS

    def sweep_orphans(self, prefix: str, now: float) -> int:
        """Forget bytes without a row, which an erasure or a crash has left; `prefix` is two hex digits of the hash.

        An upload writes its row within seconds of its bytes, so what is a day old waits for none.
        """
        old = self._files.keys(prefix, now - ORPHAN_SECONDS)
        with self._engine.begin() as connection:
            orphans = store.without_row(connection, old) if old else []
        for sha256 in orphans:
            self._files.delete(sha256)
        return len(orphans)

    def _public_type(self, sha256: str) -> str:
        with self._engine.begin() as connection:
            media_type = store.public_media_type(connection, sha256)
        if media_type is None:
            raise NotFound("asset_unknown", "no approved ad shows an asset with this hash")
        return media_type

    def _file(self, sha256: str, media_type: str) -> ServedFile:
        size = self._files.size(sha256)
        if size is None:
            raise NotFound("asset_unknown", "the bytes of this asset are gone; upload it again")
        return ServedFile(sha256, media_type, size, self._files)

    def _thumbnail(self, sha256: str) -> bytes:
        content = self._files.thumbnail(sha256)
        if content is None:
            raise NotFound("asset_unknown", "the bytes of this asset are gone; upload it again")
        return content

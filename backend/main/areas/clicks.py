"""Click links: what they need lies in data_dir/clicks, so that they lead somewhere when nothing else answers."""

from pathlib import Path

from backend.db.engine import Engine
from backend.ingest.links.service import ClickLinks
from backend.ingest.links.store import Spool, Targets
from backend.ingest.service import IngestService
from backend.serving.feed.service import CatalogueFeed


def links(
    folder: Path, token_key: bytes, feed: CatalogueFeed, ingest: IngestService, engine: Engine
) -> ClickLinks:
    """`folder` is shared by the workers of a machine, and survives them."""
    targets, spool = Targets(folder / "targets", token_key), Spool(folder, token_key)
    return ClickLinks(ingest, lambda: feed.click_urls, targets, spool, engine)

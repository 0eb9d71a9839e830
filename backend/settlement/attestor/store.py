"""An attestor's memory on disk: bundles it accepted, and what it ever signed. Written before anything is sent."""

import os
import secrets
from pathlib import Path

from backend.settlement.publication.store import BundleFiles
from backend.settlement.verify import Bundle


class EquivocationRefused(Exception):
    """For this epoch and attempt another digest was signed before."""


class AttestorFiles:
    """`<root>/<genesis>-<escrow>/`: one folder per chain and escrow, so that a new local chain starts afresh."""

    def __init__(self, root: Path, chain_id: int, genesis: str, escrow: str) -> None:
        self._chain_id = chain_id
        self._folder = root / f"{genesis.removeprefix('0x')[:16]}-{escrow.removeprefix('0x')}"
        self._bundles = BundleFiles(self._folder / "bundles")

    def bundle(self, epoch: int, attempt: int) -> Bundle | None:
        """A bundle that was accepted before."""
        return self._bundles.read(self._chain_id, epoch, attempt)

    def keep_bundle(self, epoch: int, attempt: int, bundle: Bundle) -> None:
        self._bundles.write(self._chain_id, epoch, attempt, bundle)

    def promise(self, epoch: int, attempt: int, digest: bytes) -> None:
        """Record, durably, that `digest` is the only one signed for this epoch and attempt.

        Raises EquivocationRefused when it is not. Recording the same digest again changes nothing.
        """
        folder = self._folder / "signed"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{epoch}-{attempt}"
        try:
            # Write to the side, then link: the name appears with its content or not at all, and only once. Nobody else
            # has this draft: in containers that share a disk, two processes may have one number.
            draft = folder / f".{epoch}-{attempt}.{secrets.token_hex(8)}"
            with draft.open("x") as file:
                file.write(digest.hex())
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            signed = path.read_text()
            if signed != digest.hex():
                raise EquivocationRefused(
                    f"epoch {epoch}, attempt {attempt}: 0x{signed} was signed, not 0x{digest.hex()}"
                ) from None
        finally:
            draft.unlink(missing_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

"""`sightline attest`: one independent attestor."""

from backend.config import Settings
from backend.jobs.attest import AttestJob
from backend.main.parts import Loop, escrow
from backend.main.signing import signer
from backend.settlement.attestor.client import SettlementClient
from backend.settlement.attestor.service import AttestorService


def attestor_loop(settings: Settings) -> Loop:
    """The one job of `sightline attest`: its own key, its own RPC, and what is published over HTTP."""
    client = SettlementClient(settings.settlement_url)
    service = AttestorService(client, escrow(settings), signer(settings, "attestor"), settings.data_dir / "attestors")
    return Loop("attest", AttestJob(service).step, idle_seconds=0.5)

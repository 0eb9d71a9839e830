"""Issues the invoices that are due at a moment (Unix seconds), over the stores that the environment names."""

import sys

from backend.billing.service import BillingService
from backend.config import Settings
from backend.db import sealed
from backend.db.engine import make_engine
from backend.main.areas.billing import seller


def main(moment: float) -> None:
    settings = Settings()
    sealed.unlock(settings.master_key_bytes)
    engine = make_engine(settings.database_url, pool_size=1)
    service = BillingService(engine, settings.chain_id, seller(settings), clock=lambda: moment)
    while service.step():
        pass
    engine.dispose()


if __name__ == "__main__":
    main(float(sys.argv[1]))

"""`sightline audit`: what the log's chain says, asked without the API."""

from backend.core.audit_chain import Head
from backend.db.engine import make_engine
from backend.operation.audit.service import AuditService, Verified, verify


def verify_log(database_url: str, *, since: int, expected: Head | None) -> Verified:
    """See `verify`; all of it sees the log of one moment."""
    engine = make_engine(database_url, pool_size=1, application="sightline-audit")
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            return verify(connection, since=since, expected=expected)
    finally:
        engine.dispose()


def log_head(database_url: str) -> Head:
    engine = make_engine(database_url, pool_size=1, application="sightline-audit")
    try:
        return AuditService(engine).head()
    finally:
        engine.dispose()

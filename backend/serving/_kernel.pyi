VERSION: int

def stamp(
    plan: bytes, key: bytes, random: bytes, head: bytes, prefix: bytes, tail: bytes, viewer_key: str, now_ms: int,
    price_micro_usdc: int, expires_ms: int, grace_ms: int, client: int, origin: int,
) -> tuple[bytes, bytes, bytes, bytes] | None: ...

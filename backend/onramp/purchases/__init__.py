"""USDC that advertisers buy for their own wallets."""

"""The treasury, which deposits on chain what came by card."""

"""Mirrors every event of our contracts into the `chain_*` tables; knows the chain, never the backend."""

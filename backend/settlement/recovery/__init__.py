"""Brings settled epochs back into empty tables, from chain and bundles."""

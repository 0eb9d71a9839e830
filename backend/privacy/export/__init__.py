"""Copies of all that we hold about an account: asked for, gathered, fetched by a signed link, deleted."""

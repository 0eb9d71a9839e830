"""Compares chain, ledger and Stripe once a day."""

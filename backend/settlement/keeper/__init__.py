"""Pays publishers after an epoch became final."""

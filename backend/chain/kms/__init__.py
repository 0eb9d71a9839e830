"""Signing keys in AWS KMS."""

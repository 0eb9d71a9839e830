"""Verification by a stranger, who has an RPC and the published bundles and trusts neither operator nor attestors."""

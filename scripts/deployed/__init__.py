"""What `ape run verify` and `ape run status` are made of: what was deployed, what the chain says of it, explorers."""

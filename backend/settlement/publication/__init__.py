"""What a settlement shows to the world: bundles, attestations, proofs."""

"""What happened after an ad was seen, and what may be charged for it."""

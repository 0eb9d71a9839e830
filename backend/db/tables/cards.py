"""Money that came by card, until the treasury has put it on chain; what Stripe told us."""

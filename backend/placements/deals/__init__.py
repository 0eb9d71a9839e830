"""Private deals: a publisher's offer of a placement to one advertiser, at a price of their own."""

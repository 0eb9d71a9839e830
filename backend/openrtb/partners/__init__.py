"""Whom we buy from and whom we ask: registered exchanges and bidders."""

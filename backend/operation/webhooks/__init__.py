"""Notices on their way to the servers of customers."""

"""Sponsorships: a surface for a time, charged by the hour in which it really showed the ad."""

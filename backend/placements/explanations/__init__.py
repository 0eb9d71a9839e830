"""Why there was no ad, and why an event was not paid: counts per reason, with words for people."""

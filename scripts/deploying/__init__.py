"""What `ape run deploy` and `ape run handover` are made of: networks, plan, refusals, journal, reading back."""

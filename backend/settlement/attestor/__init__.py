"""The independent attestor: its own key, its own RPC, nothing of ours but the published bundle."""

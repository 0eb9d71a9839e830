"""Who may act for whom: organisations, members, roles, API keys, sessions."""

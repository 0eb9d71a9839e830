"""Composition root, one file a process: opens the stores, builds the services, hands them to routes and loops."""

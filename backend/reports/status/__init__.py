"""What is going on right now, in numbers anybody may see: the status page and `GET /v1/status`."""

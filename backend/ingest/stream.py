"""Names of the stream between the door and the consumer."""

STREAM = "sl:events"
BYTES = "sl:events:bytes"               # how many wait in the stream
FIELD = "batch"
POISON_STREAM = "sl:events:poison"

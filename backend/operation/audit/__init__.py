"""The audit log, for those who may read it and for whoever checks its chain."""

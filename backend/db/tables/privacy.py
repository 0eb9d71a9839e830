"""People's rights: exports, erasures, the keys that personal data is sealed with."""

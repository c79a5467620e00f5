"""Component keys, the registry of public keys, and the immutable log."""

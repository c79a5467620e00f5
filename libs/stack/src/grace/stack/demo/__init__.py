"""The demonstration: a database that is not Grace's own, hurt on purpose and healed through every real door."""

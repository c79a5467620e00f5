"""Verification: contracts, measurements, verdicts, rollback and the story of every mission."""

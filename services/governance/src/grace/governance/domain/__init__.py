"""Governance's rules, without any input or output."""

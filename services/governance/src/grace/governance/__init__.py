"""Governance decides who may let a plan run, and signs that it may."""

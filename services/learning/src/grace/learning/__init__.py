"""Outcomes and what follows from them: how far a playbook has earned trust."""

"""How Grace and what it watches are: stress runs, health, alerts, and the remediation of failed runs."""

"""HTTP: the door that every request passes, and one router for each noun."""

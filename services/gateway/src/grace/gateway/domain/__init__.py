"""Who may ask for what, without any input or output."""

"""What identity decides, without any I/O."""

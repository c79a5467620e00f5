"""What intent decides, free of I/O."""

"""What knowledge decides, free of I/O."""

"""What learning decides, free of I/O."""

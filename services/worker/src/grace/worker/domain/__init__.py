"""What the worker decides, without doing any of it."""

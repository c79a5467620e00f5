"""What verification decides, without any I/O: facts in, frozen decisions out."""

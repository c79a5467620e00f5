"""What observability decides: facts in, decisions out."""

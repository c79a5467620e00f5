"""The rules of the queue: facts in, decisions out, nothing touched."""

"""What the worker does by itself: claims, runs, beats, reports."""

"""What one sees of a run: captures, packets' ways, state, and how two runs differ."""

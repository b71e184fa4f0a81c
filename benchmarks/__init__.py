"""How fast emu is, as ratios to other programs that do the same work on the same machine: `python -m benchmarks`.

Both sides run in processes of their own, in turn, several rounds; the medians are compared. Nothing here fails a test:
times depend on the machine, ratios much less.
"""

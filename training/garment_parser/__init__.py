"""Train, measure and export the garment parser: `python -m training.garment_parser`."""

import os

# Threads that spin at a barrier starve the one they wait for on a shared machine.
# OpenMP reads this once, when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

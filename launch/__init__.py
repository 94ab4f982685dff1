"""Launching: the only layer with clocks, files, flags, logs and devices."""

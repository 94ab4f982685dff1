"""Launching: the only layer with clocks, files, flags, logs and devices."""

import sys

from launch import signals

if sys.argv[0] == "-m" and {"launch.train", "launch.sweep"} & set(sys.orig_argv):  # whose imports take seconds
    signals.leave_before_it_begins()

"""Clutter removal: segments, rules, the decision over their sequence, and the cuts that come of it."""

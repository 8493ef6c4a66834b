"""What ``benchmarks.compare`` measures Knipsel against, and the instrument that it measures with.

A folder of each peer holds its pinned versions, for an environment of its own, and the script that runs it.
"""

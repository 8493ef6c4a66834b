"""The stages of the graph, a PTransform each; the pure functions beneath them are in ``transforms.core``."""

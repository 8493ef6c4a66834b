"""The graph, the runs over it, the ledger of the data set, and the ``knipsel`` command."""

"""The commands of ``knipsel``: each module holds the arguments of some, and what is done with them."""

"""Fetching from the network: one request, and the scheduling around it."""

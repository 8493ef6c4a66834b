"""The pages, and what makes the reference among them."""

"""What travels and what is kept: the rows, their Arrow schemas, the reason codes, the shape of a rule."""

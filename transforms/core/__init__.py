"""Pure functions on text, dates, addresses and articles: no Beam, no files, no clock."""

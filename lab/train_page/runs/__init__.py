"""The runs there are: a table, and what can be done with them."""

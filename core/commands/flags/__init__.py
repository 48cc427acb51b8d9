"""The flags of each command, by family; `core.__main__` makes one parser of them all."""

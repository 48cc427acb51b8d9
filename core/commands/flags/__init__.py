"""The flags of each command, by family; `core.command_line` makes one parser of them all."""

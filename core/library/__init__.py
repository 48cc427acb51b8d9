"""The texts of the lab: what may become one, and which there are on the disk."""

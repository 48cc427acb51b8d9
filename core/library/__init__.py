"""The texts on the disk: which there are (`texts`), and what may become one (`intake`)."""

"""Every setting with its limits and its help (`config`), and good values (`presets`)."""

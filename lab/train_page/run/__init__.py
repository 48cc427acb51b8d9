"""One run: its buttons (`transport`), its curve (`chart`), five answers, what it writes."""

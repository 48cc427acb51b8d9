"""What a browser session holds on to (`state`, `drafts`), and what all sessions share."""

"""What a browser session holds on to, and what all sessions share."""

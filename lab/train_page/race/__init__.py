"""The race: three models on equal terms, one chart."""

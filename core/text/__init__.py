"""From text to tokens, split and batches; and what counting alone can do. Knows no disk."""

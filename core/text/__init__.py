"""From characters to tokens, split and batches (`corpus`); what counting reaches (`reference`).

Knows no disk; the texts that lie there are `core.library`'s.
"""

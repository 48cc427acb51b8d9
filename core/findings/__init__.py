"""What a loss curve shows, by stated rules (`curve`), and what a loss means (`meaning`).

`notes` and `verdicts` put it into sentences.
"""

"""What a loss curve shows, as numbers; what a loss means; and the sentences that say both."""

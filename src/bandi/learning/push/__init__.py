"""Messages to readers: who may get one, what it is expected to earn, what became of those that were sent and held back."""

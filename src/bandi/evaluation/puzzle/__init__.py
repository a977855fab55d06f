"""The talk's puzzle in the funnel world: does being led to a first free read cause payment, or do payers only read more?"""

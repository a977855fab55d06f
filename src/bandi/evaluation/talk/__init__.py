"""The report `bandi simulate talk`: four experiments that failed, a policy that earns, and what each part of it is worth."""

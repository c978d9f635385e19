"""What makes a proof trustworthy: other solvers, what each premise is good for, how steady the answers are."""

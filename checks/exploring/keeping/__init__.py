"""What a search has found so far, kept in a file, so that another run can go on from there."""

"""The page allocator of Go's text beside the reference's, call by call."""

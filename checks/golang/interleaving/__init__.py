"""Go's lock-free text under our scheduler, step by step beside the reference's."""

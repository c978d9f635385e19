"""Beyond exhaustion: schedules drawn by a sampler over the tables, what they saw, and what is left."""

"""How fast it is: measured against figures that are written down, as ratios of one run where there is a peer."""

"""A fleet of simulated doors that speak as the firmware does, for measures and faults."""

"""The virtual door page: each companion's light, bolt and last verdict live, and hands to use the door with."""

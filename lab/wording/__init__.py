"""How the lab says numbers, settings, differences and words of the field. Pure; no screen."""

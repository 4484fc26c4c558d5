"""Whether the literature part answers what the library can answer, and abstains from the rest."""

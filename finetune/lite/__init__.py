"""Training of the lite PaliGemma that the repository ships, from labelled cell images on a CPU."""

"""The labelled images of training and evaluation: one module a dataset, one typed example."""

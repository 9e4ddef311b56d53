"""Damaged inputs for each door of the package, made by hypothesis."""

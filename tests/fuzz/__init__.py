"""Damaged input files, made by hypothesis, for all functions of the package that read files."""

"""Families of models: tables of names, hyperparameters, exceptions."""

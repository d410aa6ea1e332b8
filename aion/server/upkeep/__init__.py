"""The care of the one file: copies of it, their return, and whether it is whole."""

"""The HTTP interface described for programs and people, made from the schemas that validate."""

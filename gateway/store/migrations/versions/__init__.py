"""One module per change of the schema, named by its number."""

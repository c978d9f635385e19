"""Fast ways through the tables: compiled, or over arrays; all come to what the plain search comes to."""

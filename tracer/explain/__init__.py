"""`f.explain(*args)`: what became of a function, line by line, as text and as HTML."""

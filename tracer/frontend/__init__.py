"""The front end: Python functions as written become functions whose control flow can be staged into the graph."""

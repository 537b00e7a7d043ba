"""The same work in other libraries: each script runs in an environment that has some of them, and prints what it measured."""

"""The IR: types, graphs, ops, autodiff and passes. Imports the standard library and numpy only."""

"""Files that must not load. Each module is a table of them: hdf5, zips, paths."""

"""`profile`: where the time of compiled programs goes, by source line, layer and kernel."""

"""Layers that prepare and augment images: one engine (`base.py`), one formula a file."""

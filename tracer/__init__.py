"""What the user's Python becomes: signatures, traces, `function`."""

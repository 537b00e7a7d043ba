"""What every layer, metric and model builds on: names, dtype policies, the state of a call, `Layer` itself."""

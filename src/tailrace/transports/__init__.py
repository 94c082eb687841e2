"""The ways in over the network; the only place that imports the web stack."""

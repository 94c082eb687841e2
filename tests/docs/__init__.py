"""The manual is true: generated pages are whole, links lead somewhere, commands and settings work."""

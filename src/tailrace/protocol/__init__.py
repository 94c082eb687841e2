"""How clients speak: bytes to messages and back, the table of routes. No I/O."""

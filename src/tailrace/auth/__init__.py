"""Who may do what: identities, tokens, grants, and the one `authorize`."""

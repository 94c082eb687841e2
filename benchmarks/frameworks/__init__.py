"""Frameworks and servers against each other: what the decisions of docs/decisions were measured with.

applications  the same small application under each candidate
streams       one endless body of shared bytes, through ASGI and straight to the transport
serve         one candidate in a process of its own
rates         requests and bytes a second of a candidate
libraries     what imports and decoding cost
pages         the tables of the decision pages
"""

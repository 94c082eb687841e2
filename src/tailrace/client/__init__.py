"""The gateway's Python client: the ports of `core.scans` and `TopicAdmin` over HTTP.

exchange     one request and its response over one connection, both ways at once
responses    reads a response from bytes as they come
problems     problem+json back to our errors
records      NDJSON lines back to chunks
scan         a stream that resumes by cursor and drops repeats by position
load         an endless NDJSON body
topics       topics made, shown, changed
"""

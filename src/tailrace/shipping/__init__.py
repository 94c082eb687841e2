"""The workers' side of task logs: lines wait on disk until Kafka has them.

entries      a line as the record that goes to Kafka
frames       what a spool's files hold, and how a torn end is told
place        how far a spool is stored, safe from a power cut
spool        lines on disk: appended, read, given back when they are stored; bounded, safe from kill -9
slots        a spool for each process that writes at the same time, and those that dead ones left
intake       takes lines from any thread without waiting; a thread of its own writes them to a spool
ways         how a topic is reached; `broker_way` and `gateway_way` beside it
numbered     lines as records that tell where they come from; which of them a topic has
shipper      a thread that sends what a spool holds, for as long as it takes
handler      Python's logging into a task's topic
marks        a place in a file that is found again under another name
followed     a file that grows, is rotated or truncated, line by line
file         a file into a spool, with the place in it
"""

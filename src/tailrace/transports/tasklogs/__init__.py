"""Task logs: a worker's file and its container's topic as one stream.

handler    the route: who may read, and the head of the answer
request    what a client asks for
refusals   errors in the form of this route
folder     opens files, and nothing that lies elsewhere
file       one reader's way along a file, over rotation and truncation
followed   one stream's file: what is there, then what it grows by
last       the last lines of a topic
watch      what all streams wait for together
notices    the system's word that a file was written to
body       what a client is sent, with one cursor over file and topic
stream     one client's stream, from its beginning to its end
"""

from tailrace.transports.tasklogs.handler import TaskLogs
from tailrace.transports.tasklogs.refusals import Refusals

__all__ = ["Refusals", "TaskLogs"]

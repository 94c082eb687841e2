"""Services in Python: functions that read topics, write topics, or run by the clock.

app            `App`: what a module declares
declarations   handlers, timers, tasks, as data
arguments      from a function's parameters to the columns it is called with
values         bytes to typed values and back
results        from what a function returns to records
streams        whether anybody reads what is printed
steps          calls handlers row by row or in batches; retries and failures
handover       batches on their way from the thread that reads to the one that handles
member         a member of a group: two threads, and what is committed
plan           whether what is to be run makes sense
service        all members, timers and hooks of one process, from start to stop
targets        what `module:name` means
spec           what a worker process is told, and what it says
worker         `python -m tailrace.runtime.worker`: one worker
trial          `app.test()`: the same on the log in memory
"""

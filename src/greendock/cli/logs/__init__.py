"""Reading log files: parse, choose, merge by time, follow. Needs no running core."""

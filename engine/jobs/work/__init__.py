"""What a worker process does for each kind of job, with torch: one file for each kind.

A kind names its function here, see `engine.jobs.kinds.base.JobSpec.work`.
"""

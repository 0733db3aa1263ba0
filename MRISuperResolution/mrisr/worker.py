"""`python -m mrisr.worker [job.json]`: see `jobs.worker`."""

if __name__ == "__main__":
    from .jobs.worker import program

    program()

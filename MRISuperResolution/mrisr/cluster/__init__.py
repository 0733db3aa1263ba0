"""Many scans at once: on this computer's cores and graphics cards, or on a cluster, by Dask; one after the other without it."""

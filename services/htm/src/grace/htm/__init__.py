"""The tasks of Grace: their order, their attempts and leases, their retries and deadlines."""

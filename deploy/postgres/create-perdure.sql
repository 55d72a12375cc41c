-- Runs once, when the volume is new. Temporal's own databases are made by its schema job.
CREATE DATABASE perdure;

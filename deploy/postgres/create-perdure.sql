-- Runs once, when the volume is new. The job temporal-schema creates Temporal's databases.
CREATE DATABASE perdure;

-- What the services find: a schema for each, owned by the role that writes, and the schema `api` of views, which is all
-- that the gateway's role may read. Run by a superuser, as often as one likes.
REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA IF NOT EXISTS broker AUTHORIZATION tidegate;
CREATE SCHEMA IF NOT EXISTS orchestrator AUTHORIZATION tidegate;
CREATE SCHEMA IF NOT EXISTS scheduler AUTHORIZATION tidegate;
CREATE SCHEMA IF NOT EXISTS provisioner AUTHORIZATION tidegate;
CREATE SCHEMA IF NOT EXISTS api AUTHORIZATION tidegate;

GRANT USAGE ON SCHEMA api TO tidegate_api;
GRANT SELECT ON ALL TABLES IN SCHEMA api TO tidegate_api;
ALTER DEFAULT PRIVILEGES FOR ROLE tidegate IN SCHEMA api GRANT SELECT ON TABLES TO tidegate_api;
ALTER ROLE tidegate_api SET default_transaction_read_only = on;

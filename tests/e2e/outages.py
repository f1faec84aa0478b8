#!/usr/bin/env python3
# Mostly waits.
"""The API while Kafka, PostgreSQL or services are away, and after they came back."""
import sys

from api import SCENARIO, validate_topics
from cases import graphql_outages, outages
from harness import Suite, System, wiped_on_success


def main():
    suite = Suite()
    with System(SCENARIO, {"TIDEGATE_REQUEST_TIMEOUT": f"{outages.LIMIT_S}s"}) as system:
        suite.run("outages", outages.cases, system)
        suite.run("GraphQL", graphql_outages.cases, system)
        suite.run("topics", validate_topics, system)
    return wiped_on_success(suite, system)


if __name__ == "__main__":
    sys.exit(main())

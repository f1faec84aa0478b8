/* world.h - Kafka, PostgreSQL and a consumer group in memory, to run processors over them: step by step in the order
 * that a test wants, or at random from a seed, with faults.
 *
 * The core under test is a ledger of accounts. A request "pay" {"to": account} on an account is an event "paid" and a
 * message "credit" to the other account; that is an event "credited" and a message "receipt" back, an event "settled".
 * Every account's row holds how often each happened, so that anything done twice, or not at all, shows. */
#ifndef TIDEGATE_TESTS_WORLD_H
#define TIDEGATE_TESTS_WORLD_H

#include "common/log/processor.h"

enum { WORLD_PARTITIONS = 2, WORLD_PROCESSES = 2 };

struct world;

extern struct core account_core; /* not const: a test may change what it reacts with */

struct world *world_new(unsigned seed);
void world_free(struct world *world);

/* Processes 0 and 1; each runs a processor. A killed one loses its memory; what it had sent may still arrive. */
void world_start(struct world *world, int process);
void world_kill(struct world *world, int process);
void world_freeze(struct world *world, int process, bool frozen);
struct processor *world_processor(struct world *world, int process);

/* What the group says. `told`: the process that had it before hears of it. */
void world_assign(struct world *world, int partition, int process, bool told);

/* A client's request; the partition is that of `account`. */
void world_pay(struct world *world, const char *id, const char *account, const char *to);
void world_write(struct world *world, int partition, const char *bytes);

/* Single steps. Each gives whether there was something to do. */
bool world_run(struct world *world, int process);         /* requests, records and decisions */
bool world_land(struct world *world, int process);        /* Kafka writes the process's next message or record */
bool world_acknowledge(struct world *world, int process); /* the process hears of the oldest that was written */
bool world_database(struct world *world);                 /* PostgreSQL answers the oldest question */

/* All steps, until nothing is left to do and nothing can come of itself. */
void world_settle(struct world *world);

/* Faults. */
void world_fail_commit(struct world *world, bool written); /* the next commit's outcome is unknown */
void world_fail_delivery(struct world *world);             /* the next acknowledgement says: failed, though written */
void world_reach_database(struct world *world);            /* the connections are back */
void world_write_record(struct world *world, int partition, const char *bytes);
void world_truncate_events(struct world *world, int partition, size_t count);
void world_backup(struct world *world);
void world_restore(struct world *world);

/* What is there. */
size_t world_records(const struct world *world, int partition); /* all, void ones too */
size_t world_requests(const struct world *world, int partition);
size_t world_replies(const struct world *world);
size_t world_unsent(const struct world *world, int process);                          /* produced and not written yet */
int world_stored(const struct world *world, const char *account, const char *column); /* -1: no such row */
const char *world_record(const struct world *world, int partition, size_t offset);
int64_t world_now(struct world *world, int64_t passed_ms); /* the clock, moved on */

/* A random history from the world's seed: clients, faults, then peace. NULL, or what was promised and does not hold. */
const char *world_history(struct world *world);

#endif

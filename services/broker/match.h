/* match.h - which instances of a partition an orchestration means, found in chunks.
 *
 * A chunk examines a bounded number of instances in the order of their IDs and ends as data of one event; the next one
 * is asked for by a message to the own partition, with a cursor. */
#ifndef TIDEGATE_BROKER_MATCH_H
#define TIDEGATE_BROKER_MATCH_H

#include <jansson.h>

#include "common/log/core.h"
#include "services/broker/fleet.h"

enum {
    MATCH_TARGETS_MAX = 250,           /* in a chunk: some 80 KB of text; its values fit into a processor's cache */
    MATCH_TEXTS_SIZE_MAX = 256 * 1024, /* of all texts of its targets; escaped they may be six times as large */
    MATCH_EXAMINED_MAX = 10000,        /* in a chunk: a few milliseconds */
    MATCH_EXAMINED_MIN = 64, /* however heavy the selectors are: compiling them, anew for each chunk, takes longer */
    MATCH_WEIGHT_MAX =
        1000000, /* of a chunk: instances times the weight of the selectors; some milliseconds, unless the
                                   patterns are made to be slow */
};

/* The chunk that the data of an instance.match asks for, as data of an instance.matched: `orchestrationID`, `lane`,
 * `targets`, `cursor` (the last instance examined), `last`; `selectors` (what the request's `targets` were) if it must
 * go on, `error` if the selectors cannot be understood. NULL: the request names no orchestration or no lane. */
json_t *match_chunk(const struct fleet *fleet, const json_t *data);

/* What follows from a chunk: the targets for the orchestrator, and the request for the next chunk. */
void match_react(const struct fleet *fleet, const struct event *event, struct messages *out);

#endif

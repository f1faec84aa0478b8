/* fold.h - running a core: a decision with all that follows from it, and the replay of one.
 *
 * What the processor, the rebuild, the simulation and the unit tests share. Pure. */
#ifndef TIDEGATE_LOG_FOLD_H
#define TIDEGATE_LOG_FOLD_H

#include "common/log/core.h"

struct decided_event {
    int type;
    char *subject;
    json_t *data;
};

struct decision {
    struct decided_event *events;
    size_t count, size;
    int status; /* of the outcome; 0: none */
    json_t *body;
};

struct change {
    int table;
    char *id;
};

struct changes {
    struct change *items;
    size_t count, size;
};

struct messages {
    struct message *items; /* topic is static, all else is owned */
    size_t count, size;
    int partitions;
};

struct calls {
    struct call *items; /* all strings owned */
    size_t count, size;
};

struct name;

struct names { /* each once, in the order of adding */
    char **items;
    size_t count, size;
    struct name *set;
};

bool names_has(const struct names *names, const char *id);

/* Gives each message that has its data as text alone the value of it, for those who look into messages. */
void messages_parse(struct messages *messages);

/* In-place life cycle: zero-initialise, use, release. Released ones may be used again. */
void decision_release(struct decision *decision);
void changes_release(struct changes *changes);
void messages_release(struct messages *messages);
void calls_release(struct calls *calls);
void names_release(struct names *names);

/* What surrounds the events of a record. */
struct fold_at {
    int64_t time_ms, offset;
    const char *traceparent;
};

/* Applies `event` to `state`: evolve, then what react, drive and row need. `messages` and `calls` may be NULL. */
void fold_event(const struct core *core, void *state, const struct event *event, struct changes *changes,
                struct messages *messages, struct calls *calls);

/* Decides `request`: decide, then settle until nothing follows. Every event is applied to `state` as it comes.
 * `at.time_ms` is the decision's `now`. */
void fold_decide(const struct core *core, void *state, const struct request *request, struct fold_at at,
                 struct decision *decision, struct changes *changes, struct messages *messages, struct calls *calls);

/* Applies the events of `decision` from index `from` on. */
void fold_apply(const struct core *core, void *state, struct fold_at at, const struct decision *decision, size_t from,
                struct changes *changes, struct messages *messages, struct calls *calls);

#endif

/* ledger.h - an append-only file of JSON lines that several processes share: each knows what all have written before it
 * writes itself. Not synced to the disk: it has to survive processes, not machines. */
#ifndef TIDEGATE_PROVISIONER_LEDGER_H
#define TIDEGATE_PROVISIONER_LEDGER_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/error.h"

struct ledger;

/* A line that this process did not write through this ledger; borrowed for the call. */
typedef void ledger_line(void *context, const json_t *line);

/* Opens the file, and makes it and its folder if missing. Nothing is read yet. Own: ledger_close. NULL: `err`. */
struct ledger *ledger_open(const char *path, ledger_line *line, void *context, struct error *err);
void ledger_close(struct ledger *ledger);

/* Reads the complete lines that others appended since the last look. A line that is no JSON object is skipped, and the
 * log says so. */
bool ledger_read(struct ledger *ledger, struct error *err);

enum ledger_locked {
    LEDGER_LOCKED, /* all that was written is read; until ledger_unlock nobody else writes */
    LEDGER_BUSY,   /* another process holds it: try again in a moment. Never waits, for the holder may be frozen */
    LEDGER_BROKEN, /* `err` says why */
};

enum ledger_locked ledger_lock(struct ledger *ledger, struct error *err);
void ledger_unlock(struct ledger *ledger);

/* While locked: writes one line. `line` (own); it is not given to the callback. False: it is not written; unlock then,
 * the next lock cuts off whatever came of it. */
bool ledger_append(struct ledger *ledger, json_t *line, struct error *err);

#endif

/* rows.h - what the read model holds of the runtimes, and the way back. Private to the core; see core.row and core.load. */
#ifndef TIDEGATE_PROVISIONER_ROWS_H
#define TIDEGATE_PROVISIONER_ROWS_H

#include "services/provisioner/runtimes.h"

json_t *runtime_row(const struct runtimes *runtimes, int table, const char *id);
void runtime_load(struct runtimes *runtimes, int table, const json_t *row);

/* The ID of an operation's row: runtime ID and operation ID, joined by a line feed. */
enum { OPERATION_ROW_ID_SIZE = 2 * RUNTIME_ID_LENGTH_MAX + 2 };
void operation_row_id(const struct operation *operation, char out[OPERATION_ROW_ID_SIZE]);

#endif

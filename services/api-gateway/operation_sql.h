/* operation_sql.h - the SQL of an operation object (contract, section 1.6), which lists (E7) and details (E8) share. */
#ifndef TIDEGATE_GATEWAY_OPERATION_SQL_H
#define TIDEGATE_GATEWAY_OPERATION_SQL_H

#include <stdio.h>

/* Writes the members as columns of a SELECT from `o`, a row of api.operations: `o.operation_id AS "operationID", ...`, in
 * the order of the contract, all of them. */
void operation_sql_put_fields(FILE *out);

#endif

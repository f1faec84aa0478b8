/* row.h - an instance as a row of the tables `instance` and `place` (readmodel.sql), and back from the first. */
#ifndef TIDEGATE_BROKER_ROW_H
#define TIDEGATE_BROKER_ROW_H

#include <jansson.h>

#include "services/broker/fleet.h"

/* All columns but `partition`; the caller owns it. */
json_t *row_of(const struct instance *instance);

/* The same of the table `place`. */
json_t *place_row(const struct instance *instance);

/* Puts the instance of a row that row_of gave into `fleet`. */
void row_load(struct fleet *fleet, const json_t *row);

#endif

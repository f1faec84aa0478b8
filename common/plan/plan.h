/* plan.h - the service plans that customers choose from: names, IDs, and who runs the cluster. Pure. */
#ifndef TIDEGATE_PLAN_PLAN_H
#define TIDEGATE_PLAN_PLAN_H

/* All results are static; "" where there is none. */

/* "azure" -> "4deee563-..." */
const char *plan_id(const char *name);

/* "4deee563-..." -> "azure" */
const char *plan_name(const char *id);

/* "azure" -> "Azure". The plans `trial` and `free` run where they like; for them `region` (the provider's, such as
 * "westeurope" or "eu-central-1"; "" or NULL if unknown) tells. */
const char *plan_provider(const char *name, const char *region);

#endif

#include "services/api-gateway/operation_sql.h"

#include "common/plan/plan.h"
#include "services/api-gateway/sql.h"

/* Rows name the plan; clients want its ID as well. */
static void put_plan_id(FILE *out)
{
    static const char *const plans[] = { "gcp",      "aws",   "aws_ha",    "azure", "azure_lite",
                                         "azure_ha", "trial", "openstack", "free",  "preview" };

    fputs("CASE o.plan_name", out);
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++)
        fprintf(out, " WHEN '%s' THEN '%s'", plans[i], plan_id(plans[i]));
    fputs(" ELSE '' END", out);
}

void operation_sql_put_fields(FILE *out)
{
    fputs("o.operation_id AS \"operationID\", o.runtime_id AS \"runtimeID\", "
          "o.global_account_id AS \"globalAccountID\", o.sub_account_id AS \"subAccountID\", "
          "o.orchestration_id AS \"orchestrationID\", ",
          out);
    put_plan_id(out);
    fputs(" AS \"servicePlanID\", o.plan_name AS \"servicePlanName\", o.dry_run AS \"dryRun\", "
          "o.shoot_name AS \"shootName\", " SQL_WINDOW("o.window_begin") " AS \"maintenanceWindowBegin\", ",
          out);
    fputs(SQL_WINDOW("o.window_end") " AS \"maintenanceWindowEnd\", o.state, o.description", out);
}

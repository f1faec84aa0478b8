#include "common/plan/plan.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

static const struct plan {
    const char *name, *id, *provider; /* provider NULL: told by the region, */
    const char *fallback;             /* else this one */
} plans[] = {
    { "gcp", "ca6e5357-707f-4565-bbbd-b3ab732597c6", "GCP", NULL },
    { "aws", "361c511f-f939-4621-b228-d0fb79a1fe15", "AWS", NULL },
    { "aws_ha", "aecef2e6-49f1-4094-8433-eba0e135eb6a", "AWS", NULL },
    { "azure", "4deee563-e5ec-4731-b9b1-53b42d855f0c", "Azure", NULL },
    { "azure_lite", "8cb22518-aa26-44c5-91a0-e669ec9bf443", "Azure", NULL },
    { "azure_ha", "f2951649-02ca-43a5-9188-9c07fb612491", "Azure", NULL },
    { "trial", "7d55d31d-35ae-4438-bf13-6ffdfa107d9f", NULL, "Azure" },
    { "openstack", "03b812ac-c991-4528-b5bd-08b303523a63", "OpenStack", NULL },
    { "free", "b1a5764e-2ea1-4f95-94c0-2b4538b37b55", NULL, "AWS" },
    { "preview", "5cb3d976-b85c-42ea-a636-79cadda109a9", "AWS", NULL },
};
enum { PLAN_COUNT = sizeof plans / sizeof *plans };

static const struct plan *find(const char *name)
{
    for (size_t i = 0; i < PLAN_COUNT; i++)
        if (strcmp(plans[i].name, name) == 0)
            return &plans[i];
    return NULL;
}

const char *plan_id(const char *name)
{
    const struct plan *plan = find(name);

    return plan == NULL ? "" : plan->id;
}

const char *plan_name(const char *id)
{
    for (size_t i = 0; i < PLAN_COUNT; i++)
        if (strcmp(plans[i].id, id) == 0)
            return plans[i].name;
    return "";
}

/* By how each writes its regions: "westeurope", "eu-central-1", "europe-west3". */
static const char *provider_of_region(const char *region)
{
    const char *last = strrchr(region, '-');

    if (last == NULL)
        return "Azure";
    return isdigit((unsigned char)last[1]) ? "AWS" : "GCP";
}

const char *plan_provider(const char *name, const char *region)
{
    const struct plan *plan = find(name);

    if (plan == NULL)
        return "";
    if (plan->provider != NULL)
        return plan->provider;
    return region == NULL || *region == '\0' ? plan->fallback : provider_of_region(region);
}

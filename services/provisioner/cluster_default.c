#include "services/provisioner/cluster_default.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What a plan asks for where nothing else is said. Zones are not drawn but the first ones, so that the same import gives
 * the same configuration everywhere. */
struct plan_default {
    const char *plan, *provider, *machine, *disk;
    int disk_gb; /* 0: no disk of its own */
    int nodes_min, nodes_max;
    int zones;
    const char *region, *purpose;
};

static const struct plan_default defaults[] = {
    { "azure", "azure", "Standard_D8_v3", "Standard_LRS", 50, 2, 10, 1, "eastus", "development" },
    { "azure_lite", "azure", "Standard_D4_v3", "Standard_LRS", 50, 2, 10, 1, "eastus", "development" },
    { "azure_ha", "azure", "Standard_D8_v3", "Standard_LRS", 50, 1, 10, 3, "eastus", "development" },
    { "aws", "aws", "m5.2xlarge", "gp2", 50, 2, 10, 1, "eu-central-1", "development" },
    { "aws_ha", "aws", "m5.2xlarge", "gp2", 50, 1, 10, 3, "eu-central-1", "development" },
    { "preview", "aws", "m5.2xlarge", "gp2", 50, 2, 10, 1, "eu-central-1", "development" },
    { "gcp", "gcp", "n2-standard-8", "pd-standard", 50, 2, 10, 1, "europe-west3", "development" },
    { "openstack", "openstack", "m2.xlarge", NULL, 0, 2, 4, 1, "eu-de-2", "development" },
    { "trial", "azure", "Standard_D4_v3", "Standard_LRS", 50, 1, 1, 1, "eastus", "evaluation" },
    { "free", "aws", "m5.xlarge", "gp2", 50, 1, 1, 1, "eu-central-1", "evaluation" },
};

static const struct plan_default unknown = { "", "", "", NULL, 0, 0, 0, 0, "", NULL };

static const struct plan_default *find(const char *plan)
{
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (strcmp(defaults[i].plan, plan) == 0)
            return &defaults[i];
    return &unknown;
}

/* The letter of a region's zone number `index`, on AWS and OpenStack. A region that is not listed has one zone, so its
 * other zones repeat it. */
static char zone_letter(const char *region, size_t index)
{
    static const struct {
        const char *region, *letters;
    } regions[] = {
        { "ca-central-1", "abd" },   { "us-west-1", "ab" },       { "ap-northeast-1", "acd" }, { "eu-de-1", "abd" },
        { "eu-de-2", "abd" },        { "us-east-1", "abc" },      { "eu-central-1", "abc" },   { "eu-west-2", "abc" },
        { "eu-west-1", "abc" },      { "sa-east-1", "abc" },      { "ap-northeast-2", "abc" }, { "ap-south-1", "abc" },
        { "ap-southeast-1", "abc" }, { "ap-southeast-2", "abc" },
    };

    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++)
        if (strcmp(regions[i].region, region) == 0)
            return regions[i].letters[index % strlen(regions[i].letters)];
    return 'a';
}

static json_t *zones_azure(int count)
{
    json_t *zones = json_array();

    for (int i = 0; i < count; i++)
        json_array_append_new(zones, json_sprintf("%d", i + 1));
    return zones;
}

static json_t *zones_aws(const char *region, int count)
{
    json_t *zones = json_array();

    for (int i = 0; i < count; i++) {
        /* One zone has the whole node range; several have /22 blocks of it. */
        json_t *workers = count == 1 ? json_string("10.250.0.0/19") : json_sprintf("10.250.%d.0/22", 4 * i);
        json_t *public = count == 1 ? json_string("10.250.32.0/20") : json_sprintf("10.250.%d.0/22", 20 + 4 * i);
        json_t *internal = count == 1 ? json_string("10.250.48.0/20") : json_sprintf("10.250.%d.0/22", 40 + 4 * i);

        json_array_append_new(zones, json_pack("{s:o,s:o,s:o,s:o}", "name",
                                               json_sprintf("%s%c", region, zone_letter(region, (size_t)i)),
                                               "workerCidr", workers, "publicCidr", public, "internalCidr", internal));
    }
    return zones;
}

static json_t *provider_config(const struct plan_default *plan, const char *region)
{
    json_t *config = json_pack("{s:n,s:n,s:n,s:n}", "gcpConfig", "azureConfig", "awsConfig", "openStackConfig");

    if (strcmp(plan->provider, "azure") == 0)
        json_object_set_new(config, "azureConfig",
                            json_pack("{s:s,s:o}", "vnetCidr", "10.250.0.0/19", "zones", zones_azure(plan->zones)));
    else if (strcmp(plan->provider, "aws") == 0)
        json_object_set_new(config, "awsConfig",
                            json_pack("{s:s,s:o}", "vpcCidr", "10.250.0.0/16", "awsZones",
                                      zones_aws(region, plan->zones)));
    else if (strcmp(plan->provider, "gcp") == 0)
        json_object_set_new(config, "gcpConfig", json_pack("{s:[o]}", "zones", json_sprintf("%s-a", region)));
    else if (strcmp(plan->provider, "openstack") == 0)
        json_object_set_new(config, "openStackConfig",
                            json_pack("{s:[o],s:s,s:s,s:s}", "zones",
                                      json_sprintf("%s%c", region, zone_letter(region, 0)), "floatingPoolName", "",
                                      "cloudProfileName", "converged-cloud-cp", "loadBalancerProvider", "f5"));
    return config;
}

static void set(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, text == NULL ? json_null() : json_string(text));
}

static void set_nulls(json_t *object)
{
    static const char *const names[] = {
        "machineImage",
        "machineImageVersion",
        "licenceType",
        "seed",
        "enableKubernetesVersionAutoUpdate",
        "enableMachineImageVersionAutoUpdate",
        "allowPrivilegedContainers",
        "dnsConfig",
        "oidcConfig",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_object_set_new(object, names[i], json_null());
}

json_t *cluster_default(const char *plan_name, const char *region_given)
{
    const struct plan_default *plan = find(plan_name);
    const char *region = *region_given != '\0' ? region_given : plan->region;
    json_t *cluster = json_object();

    set(cluster, "name", "");
    set(cluster, "kubernetesVersion", "1.22.6");
    set(cluster, "provider", plan->provider);
    set(cluster, "targetSecret", "");
    set(cluster, "region", region);
    set(cluster, "machineType", plan->machine);
    set(cluster, "workerCidr", "10.250.0.0/19");
    set(cluster, "diskType", plan->disk);
    json_object_set_new(cluster, "volumeSizeGB", plan->disk_gb == 0 ? json_null() : json_integer(plan->disk_gb));
    set(cluster, "purpose", plan->purpose);
    set(cluster, "exposureClassName", strcmp(plan->provider, "openstack") == 0 ? "converged-cloud-internet" : NULL);
    json_object_set_new(cluster, "autoScalerMin", json_integer(plan->nodes_min));
    json_object_set_new(cluster, "autoScalerMax", json_integer(plan->nodes_max));
    json_object_set_new(cluster, "maxSurge", json_integer(1));
    json_object_set_new(cluster, "maxUnavailable", json_integer(0));
    json_object_set_new(cluster, "providerSpecificConfig",
                        plan == &unknown ? json_null() : provider_config(plan, region));
    set_nulls(cluster);
    return cluster;
}

/* release.h - Kyma releases: which components, with which configuration, a version consists of, and for whom it differs.
 *
 * A release is a file <folder>/<version>.json:
 *
 *     {"version": "2.4.2",
 *      "components": [{"component": "istio", "namespace": "istio-system"}, ...],
 *      "configuration": [{"key": "global.x", "value": "y"}, ...],
 *      "overrides": [{"match": {"globalAccount": "...", "subAccount": "...", "plan": "..."},
 *                     "configuration": [{"key", "value", "secret"?}, ...],
 *                     "components": [{"component", "namespace"?, "configuration": [...]}, ...],
 *                     "disable": ["kiali", ...]}, ...]}
 *
 * The first three members are needed. A release that still ships Tiller says so: "tiller": true. Nothing else may stand
 * there. An override holds for runtimes that have every text that its match names, one at least; it sets keys, adds
 * configuration to components, adds components (those with a namespace, which the release must not have) and disables
 * some. Of several the more particular one wins, key by key: subAccount over globalAccount over plan, else the later one.
 * What is secret must be sealed ("sealed:v1:...").
 *
 * The file <folder>/versions.json, which need not be there, says which version is sent where a request names none:
 *
 *     {"default": "2.4.2", "accounts": {"GA_<global account>": "2.3.0", "SA_<subaccount>": "2.4.2"}}
 *
 * The default must be a release; the version of an account need not, then upgrades of its runtimes fail. All is read at
 * once, and const afterwards: a changed folder is another struct releases (release_watch.h). */
#ifndef TIDEGATE_RELEASE_RELEASE_H
#define TIDEGATE_RELEASE_RELEASE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"

enum {
    RELEASES_SIZE_MAX = 700 * 1024,              /* bytes of a folder, as compact JSON: it travels in one message */
    RELEASE_CONFIGURATION_SIZE_MAX = 256 * 1024, /* and of what is sent to one runtime */
};

struct releases;

/* What overrides and versions of accounts are chosen by; each NULL or "": unknown, matches nothing. */
struct release_runtime {
    const char *plan, *global_account, *sub_account;
};

/* --- Reading --- */

/* Reads all *.json of `folder` and validates them whole. Own: releases_free. NULL: `err` names the file, the line, what
 * is wrong and what would be right; a folder without any release is an error too. */
struct releases *releases_load(const char *folder, struct error *err);

/* The same of what releases_json gave. `json` is borrowed for the call. */
struct releases *releases_new(const json_t *json, struct error *err);
void releases_free(struct releases *releases);

/* All of the folder as one value, {"releases": [...], "versions"?: {...}}, and its hash (configuration_hash). Borrowed;
 * live as long as `releases`. */
const json_t *releases_json(const struct releases *releases);
const char *releases_json_hash(const struct releases *releases);

/* --- One release --- */

/* The Kyma configuration of `version`, as sent to a runtime for which nothing is overridden: version, profile,
 * components, configuration and conflictStrategy ("Replace"); nothing is left out, what is not set is null. Borrowed,
 * never to be changed; lives as long as `releases`. NULL: there is no such release. */
const json_t *releases_configuration(const struct releases *releases, const char *version);

/* Its hash (configuration_hash), or NULL. Lives as long as `releases`. */
const char *releases_hash(const struct releases *releases, const char *version);

/* The configuration of `version` with what is overridden for `runtime`, and its hash, into SHA256_HEX_SIZE bytes (id.h);
 * equal ones are one value, never to be changed. Own: json_decref. NULL: there is no such release (ERROR_NOT_FOUND), or
 * it becomes larger than RELEASE_CONFIGURATION_SIZE_MAX (ERROR_INPUT); `hash` is untouched then. */
json_t *releases_configured(const struct releases *releases, const char *version, struct release_runtime runtime,
                            char *hash, struct error *err);

/* Does that release still ship Tiller, so that its clusters must allow privileged containers? No if there is none. */
bool releases_ship_tiller(const struct releases *releases, const char *version);

/* --- All releases --- */

/* The versions that exist, oldest first: "1.11.0, 2.3.0, 2.4.2". For messages; lives as long as `releases`. */
const char *releases_list(const struct releases *releases);

/* How many there are, and the version of each, oldest first, with the number of its overrides. */
size_t releases_count(const struct releases *releases);
const char *releases_version(const struct releases *releases, size_t index);
size_t releases_override_count(const struct releases *releases, size_t index);

/* --- Which version --- */

/* The version that is sent where nobody names one; NULL: versions.json names none. */
const char *releases_default(const struct releases *releases);

/* Is the version that is sent where nobody names one, the folder's default or else `version`, a release, and of a major
 * version that is known? False: `err` says what is wrong. */
bool releases_have_default(const struct releases *releases, const char *version, struct error *err);

/* The version that versions.json names for the subaccount, else for the global account; NULL: for neither. */
const char *releases_account_version(const struct releases *releases, struct release_runtime runtime);

/* The versions of all accounts, {"GA_...": "2.3.0"}; an object. Borrowed. */
const json_t *releases_accounts(const struct releases *releases);

/* Can two runtimes get different versions or configurations? */
bool releases_differ(const struct releases *releases);

/* The identity of a configuration: lower-case hexadecimal SHA-256 of its compact dump with sorted keys.
 * `out` has room for SHA256_HEX_SIZE (id.h). */
void configuration_hash(const json_t *configuration, char *out);

#endif

/* release.h - Kyma releases: which components, with which configuration, a version consists of.
 *
 * A release is a file <folder>/<version>.json:
 *
 *     {"version": "2.4.2",
 *      "components": [{"component": "istio", "namespace": "istio-system"}, ...],
 *      "configuration": [{"key": "global.x", "value": "y"}, ...]}
 *
 * All three members are needed. A release that still ships Tiller says so: "tiller": true. Nothing else may stand there.
 * Read once; const afterwards. */
#ifndef TIDEGATE_RELEASE_RELEASE_H
#define TIDEGATE_RELEASE_RELEASE_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/error.h"

struct releases;

/* Reads all *.json of `folder` and validates them whole. Own: releases_free. NULL: `err` names the file, what is wrong
 * and what would be right; a folder without any release is an error too. */
struct releases *releases_load(const char *folder, struct error *err);
void releases_free(struct releases *releases);

/* The Kyma configuration of `version`, as sent to a runtime: version, profile, components, configuration and
 * conflictStrategy ("Replace"); nothing is left out, what is not set is null. Borrowed, never to be changed; lives as
 * long as `releases`. NULL: there is no such release. */
const json_t *releases_configuration(const struct releases *releases, const char *version);

/* Its hash (configuration_hash), or NULL. Lives as long as `releases`. */
const char *releases_hash(const struct releases *releases, const char *version);

/* Does that release still ship Tiller, so that its clusters must allow privileged containers? No if there is none. */
bool releases_ship_tiller(const struct releases *releases, const char *version);

/* The versions that exist, oldest first: "1.11.0, 2.3.0, 2.4.2". For messages; lives as long as `releases`. */
const char *releases_list(const struct releases *releases);

/* The identity of a configuration: lower-case hexadecimal SHA-256 of its compact dump with sorted keys.
 * `out` has room for SHA256_HEX_SIZE (id.h). */
void configuration_hash(const json_t *configuration, char *out);

#endif

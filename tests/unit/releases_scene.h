/* releases_scene.h - releases that scenes of the orchestrator's core adopt, and targets that differ in what decides
 * their versions and configurations. Texts live as text() does; in JSON ' stands for ". */
#ifndef TIDEGATE_TESTS_RELEASES_SCENE_H
#define TIDEGATE_TESTS_RELEASES_SCENE_H

#include "common/release/release.h"
#include "tests/unit/orchestration_scene.h"

#define RELEASES TYPE "releases.v1"

/* A folder with releases, overrides for plan trial and for subaccount sa-odd, and versions of accounts. */
extern const char releases_folder[];

/* Parameters that name no version. */
extern const char unnamed[];

/* Own: json_decref. */
json_t *json_of(const char *text);

const char *hash_of(const char *json_text);

/* The folder is in force from now on, or refused. */
void adopt(struct scene *scene, const char *folder);

/* The hash of the configuration, as the folder has it. */
const char *configured_by(const char *folder, const char *version, struct release_runtime runtime);
const char *configured(const char *version, struct release_runtime runtime); /* by releases_folder */

const char *target_of(const char *runtime, const char *account, const char *sub_account, const char *plan);

/* o1, of which all targets are in, those of the list, while releases_folder is in force. */
struct scene *resolved(const char *parameters, const char *list);

#endif

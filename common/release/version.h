/* version.h - versions of Kyma as they are written: 2.4.2, 2.0.0-rc4, PR-<number>, <branch>-<commit>. Pure. */
#ifndef TIDEGATE_RELEASE_VERSION_H
#define TIDEGATE_RELEASE_VERSION_H

/* Its major version: the number before the first dot, or, of pull requests and commits, the one of `usual`, the version
 * that is sent where nobody names one. -1: it has none. */
int kyma_version_major(const char *version, const char *usual);

/* The last major version that is understood; the first one is 1. */
enum { KYMA_MAJOR_MAX = 2 };

#endif

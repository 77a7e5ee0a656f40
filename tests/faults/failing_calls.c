/* Preloaded into a process: makes one call on files of one name fail, as a dying disk or server would.
 *
 * FAIL_CALL is fsync, rename, write or flock; FAIL_ERRNO the error; FAIL_NAME a part of the file's path;
 * FAIL_AFTER how many such calls go well first. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(const char *call, const char *path) {
    static int seen = 0;
    const char *wanted = getenv("FAIL_CALL"), *name = getenv("FAIL_NAME"), *after = getenv("FAIL_AFTER");
    if (!wanted || strcmp(wanted, call) || !path || (name && !strstr(path, name))) return 0;
    if (seen++ < (after ? atoi(after) : 0)) return 0;
    errno = atoi(getenv("FAIL_ERRNO"));
    return 1;
}

static const char *path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    return path;
}

#define NEXT(name, type) ((type)dlsym(RTLD_NEXT, name))

int fsync(int descriptor) {
    char path[PATH_MAX];
    return fails("fsync", path_of(descriptor, path)) ? -1 : NEXT("fsync", int (*)(int))(descriptor);
}

int flock(int descriptor, int how) {
    char path[PATH_MAX];
    return fails("flock", path_of(descriptor, path)) ? -1 : NEXT("flock", int (*)(int, int))(descriptor, how);
}

int rename(const char *from, const char *to) {
    return fails("rename", to) ? -1 : NEXT("rename", int (*)(const char *, const char *))(from, to);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    static ssize_t (*next)(int, const void *, size_t);
    char path[PATH_MAX];
    if (!next) next = NEXT("write", ssize_t(*)(int, const void *, size_t));
    return fails("write", path_of(descriptor, path)) ? -1 : next(descriptor, bytes, count);
}

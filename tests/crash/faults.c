/* Injects one fault into the file operations of a process: a kill, a full disk, or Ctrl-C.

   Loaded with LD_PRELOAD, so that writers in C++ and Rust pass here as well. Nothing happens before
   faults_arm() is called. Only operations that change something below a root are counted; each is
   written to a log, if there is one, before it is done. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NOTHING, KILL, DISK_FULL, INTERRUPT };
#define MAX_FILES 65536

static char root[PATH_MAX];
static size_t root_length;
static int fault, log_file = -1, is_full;
static long position = -1, num_operations;
static char tracked[MAX_FILES];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

void faults_arm(const char *below, int which, long at, int log) {
    strncpy(root, below, sizeof root - 1);
    root_length = strlen(root);
    fault = which, position = at, log_file = log;
    num_operations = 0, is_full = 0;
}

static int is_below(int folder, const char *path) {
    char full[2 * PATH_MAX], link[64];
    if (!root_length || !path) return 0;
    if (path[0] == '/') return !strncmp(path, root, root_length);
    if (folder == AT_FDCWD) {
        if (!getcwd(full, PATH_MAX)) return 0;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, full, PATH_MAX - 1);
        if (length < 0) return 0;
        full[length] = 0;
    }
    return !strncmp(full, root, root_length);
}

/* Counts an operation; says whether it fails, as a full disk lets what grows fail. */
static int fails(const char *what, const char *path, int grows) {
    if (log_file >= 0) {
        char line[2 * PATH_MAX];
        int length = snprintf(line, sizeof line, "%s %s\n", what, path);
        syscall(SYS_write, log_file, line, (size_t)length);
    }
    if (num_operations++ == position) {
        if (fault == KILL) kill(getpid(), SIGKILL);
        if (fault == INTERRUPT) kill(getpid(), SIGINT);
        if (fault == DISK_FULL) is_full = 1;
    }
    if (!is_full || !grows) return 0;
    errno = ENOSPC;
    return 1;
}

/* The same for an operation on an open file. */
static int fails_on(const char *what, int file, int grows) {
    char link[64], path[PATH_MAX] = "";
    if (log_file >= 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        ssize_t length = readlink(link, path, PATH_MAX - 1);
        if (length > 0) path[length] = 0;
    }
    return fails(what, path, grows);
}

static void track(int file, int yes) {
    if (file >= 0 && file < MAX_FILES) tracked[file] = (char)yes;
}

static int is_tracked(int file) {
    return root_length && file >= 0 && file < MAX_FILES && tracked[file];
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
    int writes = (flags & O_ACCMODE) != O_RDONLY && is_below(folder, path);
    if (writes && fails("open", path, flags & O_CREAT)) return -1;
    int file = (int)syscall(SYS_openat, folder, path, flags, mode);
    track(file, writes);
    return file;
}

#define WITH_MODE(flags, mode)                          \
    mode_t mode = 0;                                    \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {            \
        va_list rest;                                   \
        va_start(rest, flags);                          \
        mode = va_arg(rest, mode_t);                    \
        va_end(rest);                                   \
    }

int open(const char *path, int flags, ...) {
    WITH_MODE(flags, mode)
    return open_at(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    WITH_MODE(flags, mode)
    return open_at(AT_FDCWD, path, flags, mode);
}
int openat(int folder, const char *path, int flags, ...) {
    WITH_MODE(flags, mode)
    return open_at(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
    WITH_MODE(flags, mode)
    return open_at(folder, path, flags, mode);
}

static FILE *open_stream(FILE *(*real)(const char *, const char *), const char *path,
                         const char *mode) {
    int writes = strpbrk(mode, "wa+") && is_below(AT_FDCWD, path);
    if (writes && fails("open", path, 1)) return NULL;
    FILE *stream = real(path, mode);
    if (stream) track(fileno(stream), writes);
    return stream;
}
FILE *fopen(const char *path, const char *mode) { return open_stream(REAL(fopen), path, mode); }
FILE *fopen64(const char *path, const char *mode) { return open_stream(REAL(fopen64), path, mode); }

int close(int file) {
    track(file, 0);
    return (int)syscall(SYS_close, file);
}

int creat(const char *path, mode_t mode) {
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

ssize_t write(int file, const void *bytes, size_t count) {
    if (is_tracked(file) && fails_on("write", file, 1)) return -1;
    return syscall(SYS_write, file, bytes, count);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
    if (is_tracked(file) && fails_on("write", file, 1)) return -1;
    return syscall(SYS_writev, file, parts, count);
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    if (is_tracked(file) && fails_on("write", file, 1)) return -1;
    return syscall(SYS_pwrite64, file, bytes, count, offset);
}
ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
    return pwrite64(file, bytes, count, offset);
}
ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t offset) {
    if (is_tracked(file) && fails_on("write", file, 1)) return -1;
    return REAL(pwritev64)(file, parts, count, offset);
}
ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
    return pwritev64(file, parts, count, offset);
}
size_t fwrite(const void *bytes, size_t size, size_t count, FILE *stream) {
    if (is_tracked(fileno(stream)) && fails_on("write", fileno(stream), 1)) return 0;
    return REAL(fwrite)(bytes, size, count, stream);
}
ssize_t sendfile64(int to, int from, off64_t *offset, size_t count) {
    if (is_tracked(to) && fails_on("copy", to, 1)) return -1;
    return syscall(SYS_sendfile, to, from, offset, count);
}
ssize_t sendfile(int to, int from, off_t *offset, size_t count) {
    return sendfile64(to, from, offset, count);
}
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *to_at, size_t count,
                        unsigned flags) {
    if (is_tracked(to) && fails_on("copy", to, 1)) return -1;
    return syscall(SYS_copy_file_range, from, at, to, to_at, count, flags);
}
void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    if ((protection & PROT_WRITE) && (flags & MAP_SHARED) && is_tracked(file) &&
        fails_on("mmap", file, 1))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}
int posix_fallocate64(int file, off64_t offset, off64_t length) {
    if (is_tracked(file) && fails_on("allocate", file, 1)) return ENOSPC;
    return REAL(posix_fallocate64)(file, offset, length);
}
int posix_fallocate(int file, off_t offset, off_t length) {
    return posix_fallocate64(file, offset, length);
}
int ftruncate64(int file, off64_t length) {
    if (is_tracked(file) && fails_on("truncate", file, 1)) return -1;
    return (int)syscall(SYS_ftruncate, file, length);
}
int ftruncate(int file, off_t length) { return ftruncate64(file, length); }
int fdatasync(int file) {
    if (is_tracked(file) && fails_on("fsync", file, 0)) return -1;
    return (int)syscall(SYS_fdatasync, file);
}
int fsync(int file) {
    if (is_tracked(file) && fails_on("fsync", file, 0)) return -1;
    return (int)syscall(SYS_fsync, file);
}

int rename(const char *from, const char *to) {
    if (is_below(AT_FDCWD, to) && fails("rename", to, 1)) return -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int renameat(int folder, const char *from, int to_folder, const char *to) {
    if (is_below(to_folder, to) && fails("rename", to, 1)) return -1;
    return (int)syscall(SYS_renameat2, folder, from, to_folder, to, 0);
}
int renameat2(int folder, const char *from, int to_folder, const char *to, unsigned flags) {
    if (is_below(to_folder, to) && fails("rename", to, 1)) return -1;
    return (int)syscall(SYS_renameat2, folder, from, to_folder, to, flags);
}
int linkat(int folder, const char *from, int to_folder, const char *to, int flags) {
    if (is_below(to_folder, to) && fails("link", to, 1)) return -1;
    return (int)syscall(SYS_linkat, folder, from, to_folder, to, flags);
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
int mkdirat(int folder, const char *path, mode_t mode) {
    if (is_below(folder, path) && fails("mkdir", path, 1)) return -1;
    return (int)syscall(SYS_mkdirat, folder, path, mode);
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
int unlinkat(int folder, const char *path, int flags) {
    if (is_below(folder, path) && fails("unlink", path, 0)) return -1;
    return (int)syscall(SYS_unlinkat, folder, path, flags);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int symlinkat(const char *target, int folder, const char *path) {
    if (is_below(folder, path) && fails("symlink", path, 1)) return -1;
    return (int)syscall(SYS_symlinkat, target, folder, path);
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

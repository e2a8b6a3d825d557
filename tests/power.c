/* A disk whose power can be cut: preloaded into a process, it keeps below POWER_DISK what POWER_LIVE's files would be after
   that. A file's content is kept when the file is synced, its name when its folder is (POSIX promises no more), each as of
   that moment. Nothing is really synced: the test looks at what was asked for. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *what) { perror(what); abort(); }

static void copy(int from, int to)
{
    static __thread char block[1 << 16];
    off_t at = 0;
    ssize_t got;
    /* by the caller's own descriptor: to close another one of this file would give its locks up */
    while ((got = pread(from, block, sizeof block, at)) > 0) {
        if (write(to, block, got) != got) die("power: write");
        at += got;
    }
    if (got < 0) die("power: pread");
}

static void list(const char *folder, int to)
{
    DIR *found = opendir(folder);
    struct dirent *entry;
    if (!found) die("power: opendir");
    while ((entry = readdir(found)))
        if (entry->d_name[0] != '.') dprintf(to, "%lu %s\n", (unsigned long) entry->d_ino, entry->d_name);
    closedir(found);
}

/* DISK/FOLDER/INODE has a file's content, DISK/FOLDER/names the names and their inodes. Written aside and renamed, so that a
   process may be killed here, too; one process at a time, so that the newer one stays. */
static void keep(int fd)
{
    const char *live = getenv("POWER_LIVE"), *disk = getenv("POWER_DISK");
    char self[64], path[PATH_MAX], kept[PATH_MAX * 2], aside[PATH_MAX * 2 + 32];
    struct stat status;
    if (!live || !disk) return;
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(self, path, sizeof path - 1);
    if (length < 0) return;
    path[length] = 0;
    if (strncmp(path, live, strlen(live)) || path[strlen(live)] != '/' || fstat(fd, &status)) return;
    if (!status.st_nlink) return;
    char *inside = path + strlen(live), *name = strrchr(path, '/');
    int is_folder = S_ISDIR(status.st_mode);
    if (is_folder) snprintf(kept, sizeof kept, "%s%s/names", disk, inside);
    else snprintf(kept, sizeof kept, "%s%.*s/%lu", disk, (int) (name - inside), inside, (unsigned long) status.st_ino);
    snprintf(aside, sizeof aside, "%s.%d", kept, (int) getpid());
    char lock[PATH_MAX];
    snprintf(lock, sizeof lock, "%s/lock", disk);
    int one = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (one < 0 || flock(one, LOCK_EX)) die("power: lock");
    int to = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to < 0) die(aside);
    if (is_folder) list(path, to); else copy(fd, to);
    close(to);
    if (rename(aside, kept)) die(kept);
    close(one);
}

int fsync(int fd) { int before = errno; keep(fd); errno = before; return 0; }
int fdatasync(int fd) { return fsync(fd); }

/* SPDX-License-Identifier: MIT */
#include "cli/runtime_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/parse.h"

#define PREFIX    "screenshare-"
#define LOCK_NAME "lock"
#define PATH_SIZE RUNTIME_DIR_PATH_SIZE
#define BASE_SIZE (PATH_SIZE - sizeof("/" PREFIX "65535") + 1)
/* Whoever removes its folder while we take it over makes us try again; so often at most. */
#define ATTEMPTS_MAX 16

_Static_assert(PATH_SIZE + 1 + 15 <= sizeof(((struct sockaddr_un *)0)->sun_path), "names fit");

struct runtime_dir {
	char path[PATH_SIZE];
	int dir_fd, lock_fd;
};

/* --- the folder above --- */

/* Ours alone?  fd, or -errno: -EPERM if it is not. */
static int open_own_dir(int at_fd, const char *name)
{
	struct stat st;
	int fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? -EPERM : -errno;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		fd_close(&fd);
		return -EPERM;
	}
	return fd;
}

/* $XDG_RUNTIME_DIR, if it is what it should be: after `su` or `sudo -E` it is another user's. */
static int open_xdg_base(char *base)
{
	const char *path = getenv("XDG_RUNTIME_DIR");

	if (!path || path[0] != '/')
		return -ENOENT;
	if (strlen(path) >= BASE_SIZE)
		return -ENAMETOOLONG;
	strcpy(base, path);
	return open_own_dir(AT_FDCWD, base);
}

/* Everybody may write in /tmp, so what is found there is trusted for its owner and mode alone. */
static int open_tmp_base(char *base, bool make)
{
	snprintf(base, BASE_SIZE, "/tmp/" PREFIX "%u", (unsigned)geteuid());
	if (make && mkdir(base, 0700) < 0 && errno != EEXIST)
		return -errno;
	return open_own_dir(AT_FDCWD, base);
}

/* --- the lock --- */

/* Record locks name their holder, vanish with it, and pass to no child. */
static int lock(int fd, pid_t *holder)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EACCES && errno != EAGAIN)
		return -errno;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		*holder = lock.l_pid;
	return -EBUSY;
}

static bool is_locked(int fd, pid_t *holder)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return false;
	*holder = lock.l_pid;
	return true;
}

static void unlink_all(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		fd_close(&fd);
		return;
	}
	/* What cannot be removed is in nobody's way, or bind() will say so.  The lock goes last. */
	for (struct dirent *entry; (entry = readdir(dir));)
		if (strcmp(entry->d_name, LOCK_NAME) != 0)
			unlinkat(dir_fd, entry->d_name, 0);
	closedir(dir);
}

/* --- making and removing --- */

/* -ESTALE: its former owner removed it under our hands. */
static int take(int base_fd, const char *name, struct runtime_dir *dir, pid_t *holder)
{
	struct stat ours, named;
	int r;

	if (mkdirat(base_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	dir->dir_fd = open_own_dir(base_fd, name);
	if (dir->dir_fd < 0)
		return dir->dir_fd == -ENOENT ? -ESTALE : dir->dir_fd;
	dir->lock_fd =
		openat(dir->dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (dir->lock_fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	r = lock(dir->lock_fd, holder);
	if (r < 0)
		return r;
	if (fstat(dir->lock_fd, &ours) < 0 ||
		fstatat(dir->dir_fd, LOCK_NAME, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
		ours.st_ino != named.st_ino || ours.st_dev != named.st_dev)
		return -ESTALE;
	unlink_all(dir->dir_fd);
	return 0;
}

static int create_in(
	int base_fd, const char *base, uint16_t port, struct runtime_dir **out, pid_t *holder)
{
	struct runtime_dir *dir = calloc(1, sizeof(*dir));
	char name[sizeof(PREFIX "65535")];
	int r = -ESTALE;

	if (!dir)
		return -ENOMEM;
	snprintf(name, sizeof(name), PREFIX "%hu", port);
	snprintf(dir->path, sizeof(dir->path), "%.*s/%s", (int)BASE_SIZE - 1, base, name);
	dir->dir_fd = dir->lock_fd = -1;
	for (int attempt = 0; r == -ESTALE && attempt < ATTEMPTS_MAX; attempt++) {
		fd_close(&dir->lock_fd);
		fd_close(&dir->dir_fd);
		r = take(base_fd, name, dir, holder);
	}
	if (r == 0) {
		*out = dir;
		return 0;
	}
	fd_close(&dir->lock_fd);
	fd_close(&dir->dir_fd);
	free(dir);
	return r;
}

int runtime_dir_create(uint16_t port, struct runtime_dir **out, pid_t *holder)
{
	char base[BASE_SIZE];
	int base_fd, r;

	base_fd = open_xdg_base(base);
	if (base_fd < 0)
		base_fd = open_tmp_base(base, true);
	if (base_fd < 0)
		return base_fd;
	r = create_in(base_fd, base, port, out, holder);
	fd_close(&base_fd);
	return r;
}

/* --- the user's own service --- */

int runtime_dir_of_service(char *path)
{
	char base[BASE_SIZE];
	int base_fd = open_xdg_base(base);

	if (base_fd < 0)
		return base_fd;
	fd_close(&base_fd);
	snprintf(path, PATH_SIZE, "%.*s/screenshare", (int)BASE_SIZE - 1, base);
	return 0;
}

void runtime_dir_destroy(struct runtime_dir *dir)
{
	if (!dir)
		return;
	unlink_all(dir->dir_fd);
	unlinkat(dir->dir_fd, LOCK_NAME, 0);
	rmdir(dir->path);
	fd_close(&dir->lock_fd);
	fd_close(&dir->dir_fd);
	free(dir);
}

const char *runtime_dir_path(const struct runtime_dir *dir)
{
	return dir->path;
}

/* --- who lives --- */

static bool read_run(int base_fd, const char *base, const char *name, struct runtime_dir_run *run)
{
	char lock_path[sizeof(PREFIX) + 16];
	uint64_t port;
	bool lives;
	int fd;

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 ||
		parse_number(
			name + strlen(PREFIX), strlen(name) - strlen(PREFIX), 1, 65535, &port) < 0)
		return false;
	snprintf(lock_path, sizeof(lock_path), "%s/" LOCK_NAME, name);
	fd = openat(base_fd, lock_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	lives = is_locked(fd, &run->pid);
	fd_close(&fd);
	run->port = (uint16_t)port;
	snprintf(run->path, sizeof(run->path), "%.*s/%s", (int)BASE_SIZE - 1, base, name);
	return lives;
}

static size_t list_in(int base_fd, const char *base, struct runtime_dir_run *runs, size_t max)
{
	int fd = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t n = 0;

	if (!dir) {
		fd_close(&fd);
		return 0;
	}
	for (struct dirent *entry; n < max && (entry = readdir(dir));)
		if (read_run(base_fd, base, entry->d_name, &runs[n]))
			n++;
	closedir(dir);
	return n;
}

static int by_port(const void *a, const void *b)
{
	const struct runtime_dir_run *left = a, *right = b;

	return left->port < right->port ? -1 : left->port > right->port;
}

size_t runtime_dir_list(struct runtime_dir_run *runs, size_t max)
{
	char base[BASE_SIZE];
	size_t n = 0;
	int base_fd;

	base_fd = open_xdg_base(base);
	if (base_fd >= 0)
		n = list_in(base_fd, base, runs, max);
	fd_close(&base_fd);
	base_fd = open_tmp_base(base, false); /* a shell without a session, or `run` in one */
	if (base_fd >= 0)
		n += list_in(base_fd, base, runs + n, max - n);
	fd_close(&base_fd);
	qsort(runs, n, sizeof(*runs), by_port);
	return n;
}

/* SPDX-License-Identifier: MIT */
#include "httpd/files/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "httpd/files/path.h"

#define INCOMING    ".incoming"
#define TRASH       ".trash"
#define PROBE       "probe.tmp"
#define FILE_MODE   0644 /* who may enter the folder may read what is shared with everybody */
#define FOLDER_MODE 0777

struct store {
	int root_fd, incoming_fd;
	int nowhere_fd; /* /dev/null */
	struct trash trash;
	bool keeps_meta;
	char *folder; /* where it was opened */
	atomic_bool is_away;
	struct timespec opened; /* by the clock that dates files */
};

/* --- its life --- */

static int open_hidden(int root_fd, const char *name, int *fd)
{
	if (mkdirat(root_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	*fd = path_open(root_fd, name, O_RDONLY | O_DIRECTORY);
	return *fd < 0 ? *fd : 0;
}

/* Not by the folder's own attributes: what the file system says of a file is what counts. */
static bool try_meta(const struct store *store)
{
	int fd = openat(store->incoming_fd, PROBE, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool keeps = fd >= 0 && fsetxattr(fd, "user.screenshare", "", 0, 0) == 0;

	fd_close(&fd);
	unlinkat(store->incoming_fd, PROBE, 0);
	return keeps;
}

/* A folder that was used before may be read-only now. */
static int check_writable(int incoming_fd)
{
	return faccessat(incoming_fd, ".", W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int store_open(const char *folder, struct store **out)
{
	struct store *store = malloc(sizeof(*store));
	int r = 0;

	if (!store)
		return -ENOMEM;
	*store = (struct store){
		.root_fd = -1, .incoming_fd = -1, .nowhere_fd = -1, .trash = {.fd = -1}};
	pthread_mutex_init(&store->trash.lock, NULL);
	store->folder = strdup(folder);
	if (!store->folder)
		r = -ENOMEM;
	else if (mkdir(folder, FOLDER_MODE) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0) {
		store->root_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = store->root_fd < 0 ? -errno : 0;
	}
	if (r == 0)
		r = open_hidden(store->root_fd, INCOMING, &store->incoming_fd);
	if (r == 0)
		r = open_hidden(store->root_fd, TRASH, &store->trash.fd);
	if (r == 0)
		r = check_writable(store->incoming_fd);
	if (r == 0) {
		store->nowhere_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		r = store->nowhere_fd < 0 ? -errno : 0;
	}
	if (r < 0) {
		store_close(store);
		return r;
	}
	clock_gettime(CLOCK_REALTIME_COARSE, &store->opened);
	store->keeps_meta = try_meta(store);
	store->trash.root_fd = store->root_fd;
	store->trash.keeps_names = store->keeps_meta;
	*out = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	free(store->folder);
	fd_close(&store->root_fd);
	fd_close(&store->incoming_fd);
	fd_close(&store->nowhere_fd);
	fd_close(&store->trash.fd);
	pthread_mutex_destroy(&store->trash.lock);
	free(store);
}

static bool is_same_folder(int a, int b)
{
	struct stat first, second;

	return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

/* Whoever uses the number meanwhile has the one or the other. */
static int put_in_place(int fresh, int fd)
{
	return is_same_folder(fresh, fd) || dup3(fresh, fd, O_CLOEXEC) >= 0 ? 0 : -errno;
}

/* The folders that have the names now.  0 or -errno. */
static int renew_from(struct store *store, int root)
{
	bool is_other = !is_same_folder(root, store->root_fd);
	int incoming = -1, trash = -1;
	int r = open_hidden(root, INCOMING, &incoming);

	if (r == 0)
		r = open_hidden(root, TRASH, &trash);
	if (r == 0 && is_other)
		r = check_writable(incoming);
	if (r == 0)
		r = put_in_place(root, store->root_fd);
	if (r == 0)
		r = put_in_place(incoming, store->incoming_fd);
	if (r == 0)
		r = put_in_place(trash, store->trash.fd);
	fd_close(&incoming);
	fd_close(&trash);
	return is_other ? r : 0; /* what can still be read is still shared */
}

int store_renew(struct store *store)
{
	int root = open(store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root >= 0)
		r = renew_from(store, root);
	else /* else, as without descriptors, nothing is known */
		r = errno == ENOENT || errno == ENOTDIR ? -errno : 0;
	fd_close(&root);
	atomic_store(&store->is_away, r < 0);
	return r;
}

bool store_is_away(const struct store *store)
{
	return atomic_load(&store->is_away);
}

bool store_keeps_meta(const struct store *store)
{
	return store->keeps_meta;
}

int store_incoming_fd(const struct store *store)
{
	return store->incoming_fd;
}

struct trash *store_trash(struct store *store)
{
	return &store->trash;
}

int store_free_bytes(const struct store *store, uint64_t *bytes)
{
	struct statvfs vfs;

	if (fstatvfs(store->root_fd, &vfs) < 0)
		return -errno;
	*bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	return 0;
}

int store_new_id(char id[STORE_ID_SIZE])
{
	uint8_t bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

bool store_is_id(const char *id)
{
	return strlen(id) == STORE_ID_SIZE - 1 &&
	       strspn(id, "0123456789abcdef") == STORE_ID_SIZE - 1;
}

/* --- what is shared --- */

int store_open_file(const struct store *store, const char *name, int *fd, struct stat *st)
{
	return path_open_file(store->root_fd, name, fd, st);
}

void store_read_in(const struct store *store, int fd, uint64_t from, uint64_t until)
{
	off_t at = (off_t)from;

	while ((uint64_t)at < until)
		if (sendfile(store->nowhere_fd, fd, &at, (size_t)(until - (uint64_t)at)) <= 0)
			return;
}

int store_look(const struct store *store, const char *name, struct file_entry **out)
{
	struct file_meta meta;
	struct stat st;
	bool has_meta;
	int fd, r = store_open_file(store, name, &fd, &st);

	if (r < 0)
		return r;
	has_meta = entry_read_meta(fd, &st, &meta);
	fd_close(&fd);
	*out = entry_create(
		name, (uint64_t)st.st_size, entry_mtime_ns(&st), has_meta ? &meta : NULL);
	return *out ? 0 : -ENOMEM;
}

bool store_is_linked(const struct store *store, const char *name)
{
	struct stat st;
	int fd;
	bool is_linked;

	if (store_open_file(store, name, &fd, &st) < 0)
		return false;
	is_linked = st.st_nlink > 1;
	fd_close(&fd);
	return is_linked;
}

static void scan_folder(const struct store *store, const char *folder, unsigned depth,
	const struct store_scan_ops *ops, void *arg)
{
	int fd = path_open(store->root_fd, folder, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;

	if (!dir) {
		fd_close(&fd);
		return;
	}
	ops->on_folder(arg, folder, fd);
	while ((found = readdir(dir))) {
		char name[FILENAME_SIZE];

		if (found->d_name[0] != '.' &&
			snprintf(name, sizeof(name), "%s%s%s", folder, *folder ? "/" : "",
				found->d_name) < (int)sizeof(name) &&
			ops->on_name(arg, name) == -EISDIR && depth < FILENAME_DEPTH_MAX)
			scan_folder(store, name, depth + 1, ops, arg);
	}
	closedir(dir);
}

int store_scan(
	const struct store *store, const char *folder, const struct store_scan_ops *ops, void *arg)
{
	scan_folder(store, folder, 1, ops, arg);
	return 0;
}

static int rename_once(
	const struct store *store, const char *from, const char *to, bool *has_source)
{
	const char *from_base, *to_base;
	int from_fd = path_open_parent(store->root_fd, from, false, &from_base), to_fd = -1,
	    r = from_fd;
	struct stat st;

	if (r >= 0)
		r = fstatat(from_fd, from_base, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno
		    : S_ISREG(st.st_mode)                                     ? 0
									      : -ENOENT;
	*has_source = r == 0;
	if (r == 0) {
		to_fd = path_open_parent(store->root_fd, to, true, &to_base);
		r = to_fd < 0 ? to_fd : path_move(from_fd, from_base, to_fd, to_base);
	}
	if (r == 0)
		r = path_sync_folder(to_fd);
	if (*has_source)
		path_remove_empty_folders(store->root_fd, r == 0 ? from : to);
	fd_close(&from_fd);
	fd_close(&to_fd);
	return r;
}

/* The new folder may go just when we have made it, as one of path_place() may. */
int store_rename(const struct store *store, const char *from, const char *to)
{
	bool has_source = true;
	int r = -ENOENT;

	for (unsigned i = 0; r == -ENOENT && has_source && i < PATH_ATTEMPTS; i++)
		r = rename_once(store, from, to, &has_source);
	return r == -ELOOP || r == -EXDEV ? -ENOENT : r;
}

int store_place(const struct store *store, const char *incoming, int fd, const char *name,
	const struct file_meta *meta, struct file_entry **out)
{
	char placed[FILENAME_SIZE];
	struct stat st;
	int r;

	if (fchmod(fd, FILE_MODE) < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (store->keeps_meta) {
		r = entry_write_meta(fd, meta, &st);
		if (r < 0)
			return r;
	}
	if (fsync(fd) < 0)
		return -errno;
	r = path_place(store->root_fd, store->incoming_fd, incoming, name, placed);
	if (r < 0)
		return r;
	*out = entry_create(placed, (uint64_t)st.st_size, entry_mtime_ns(&st), meta);
	return *out ? 0 : -ENOMEM;
}

/* --- what is left over --- */

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

bool store_is_part(const char *incoming)
{
	return ends_with(incoming, ".part");
}

int store_each_part(
	const struct store *store, void (*on_part)(void *arg, const char *file), void *arg)
{
	int fd = openat(store->incoming_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;
	int r = -errno;

	if (!dir) {
		fd_close(&fd);
		return r;
	}
	while ((found = readdir(dir)))
		if (store_is_part(found->d_name))
			on_part(arg, found->d_name);
	closedir(dir);
	return 0;
}

uint64_t store_part_bytes(const struct store *store, const char *file)
{
	struct stat st;
	int r = fstatat(store->incoming_fd, file, &st, AT_SYMLINK_NOFOLLOW);

	return r == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

/* Nothing is known of it: whoever sent it was never told where it is. */
static bool has_no_info(const struct store *store, const char *part)
{
	char info[STORE_PART_SIZE];

	snprintf(info, sizeof(info), "%.32s.info", part);
	return faccessat(store->incoming_fd, info, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

/* Left behind by a server that was killed: older than this one. */
static bool is_orphan(const struct store *store, const char *name, const struct stat *st)
{
	const struct timespec *opened = &store->opened;

	if (!ends_with(name, ".tmp") && !(store_is_part(name) && has_no_info(store, name)))
		return false;
	return (st->st_mtim.tv_sec < opened->tv_sec ||
		(st->st_mtim.tv_sec == opened->tv_sec && st->st_mtim.tv_nsec < opened->tv_nsec));
}

void store_clean(const struct store *store, int64_t before_s, bool everything)
{
	int fd = openat(store->incoming_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;

	while (dir && (found = readdir(dir))) {
		struct stat st;

		if (found->d_name[0] == '.' ||
			fstatat(fd, found->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if ((everything && is_orphan(store, found->d_name, &st)) ||
			st.st_mtim.tv_sec <= before_s)
			unlinkat(fd, found->d_name, 0);
	}
	if (dir)
		closedir(dir);
	else
		fd_close(&fd);
}

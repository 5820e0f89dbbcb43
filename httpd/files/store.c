/* SPDX-License-Identifier: MIT */
#include "httpd/files/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/parse.h"

#define INCOMING    ".incoming"
#define TRASH       ".trash"
#define NUMBERS_MAX 1000u
#define FILE_MODE   0644 /* who may enter the folder may read what is shared with everybody */
#define FOLDER_MODE 0777
#define ORIGIN      "user.screenshare.name" /* of a deleted file: the whole name that it had */

struct store {
	int root_fd, incoming_fd, trash_fd;
	bool keeps_meta;
	struct timespec opened; /* by the clock that dates files */
};

/* --- paths --- */

/* `name` is relative to the folder; "" is the folder itself. */
static int open_beneath(const struct store *store, const char *name, int flags)
{
	struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV};
	long fd;

	do
		fd = syscall(SYS_openat2, store->root_fd, *name ? name : ".", &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR)); /* a rename in the middle of it */
	return fd < 0 ? -errno : (int)fd;
}

/* Makes the folders of `folder` that are missing. */
static int make_folders(const struct store *store, const char *folder)
{
	char path[FILENAME_SIZE];
	size_t at = 0;

	while (folder[at]) {
		size_t end = at + strcspn(folder + at, "/");
		int parent, r;

		memcpy(path, folder, at);
		path[at > 0 ? at - 1 : 0] = '\0';
		parent = open_beneath(store, path, O_PATH | O_DIRECTORY);
		if (parent < 0)
			return parent;
		memcpy(path, folder + at, end - at);
		path[end - at] = '\0';
		r = mkdirat(parent, path, FOLDER_MODE) < 0 && errno != EEXIST ? -errno : 0;
		fd_close(&parent);
		if (r < 0)
			return r;
		at = end + (folder[end] == '/');
	}
	return 0;
}

/* The folder that `name` lies in, to be named in and synced, and its last part.  fd or -errno. */
static int open_parent(const struct store *store, const char *name, bool make_it, const char **base)
{
	char folder[FILENAME_SIZE];
	size_t len;
	int fd;

	*base = filename_base(name);
	len = *base > name ? (size_t)(*base - name) - 1 : 0;
	if (len >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, name, len);
	folder[len] = '\0';
	fd = open_beneath(store, folder, O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT && make_it) {
		int r = make_folders(store, folder);

		fd = r < 0 ? r : open_beneath(store, folder, O_RDONLY | O_DIRECTORY);
	}
	return fd;
}

/* renameat2(NOREPLACE); where a file system does not know it, a link and an unlink. */
static int rename_free(int from_fd, const char *from, int to_fd, const char *to)
{
	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (linkat(from_fd, from, to_fd, to, 0) < 0)
		return -errno;
	return unlinkat(from_fd, from, 0) < 0 ? -errno : 0;
}

static int sync_folder(int fd)
{
	/* FAT and others cannot: then nothing better can be had. */
	return fsync(fd) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
}

/* --- its life --- */

static int open_hidden(struct store *store, const char *name, int *fd)
{
	if (mkdirat(store->root_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	*fd = open_beneath(store, name, O_RDONLY | O_DIRECTORY);
	return *fd < 0 ? *fd : 0;
}

/* Not by the folder's own attributes: what the file system says of a file is what counts. */
static bool try_meta(const struct store *store)
{
	static const char probe[] = "probe.tmp";
	int fd = openat(store->incoming_fd, probe, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool keeps = fd >= 0 && fsetxattr(fd, "user.screenshare", "", 0, 0) == 0;

	fd_close(&fd);
	unlinkat(store->incoming_fd, probe, 0);
	return keeps;
}

int store_open(const char *folder, struct store **out)
{
	struct store *store = malloc(sizeof(*store));
	int r = 0;

	if (!store)
		return -ENOMEM;
	*store = (struct store){.root_fd = -1, .incoming_fd = -1, .trash_fd = -1};
	if (mkdir(folder, FOLDER_MODE) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0) {
		store->root_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = store->root_fd < 0 ? -errno : 0;
	}
	if (r == 0)
		r = open_hidden(store, INCOMING, &store->incoming_fd);
	if (r == 0)
		r = open_hidden(store, TRASH, &store->trash_fd);
	if (r < 0) {
		store_close(store);
		return r;
	}
	clock_gettime(CLOCK_REALTIME_COARSE, &store->opened);
	store->keeps_meta = try_meta(store);
	*out = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	fd_close(&store->root_fd);
	fd_close(&store->incoming_fd);
	fd_close(&store->trash_fd);
	free(store);
}

bool store_keeps_meta(const struct store *store)
{
	return store->keeps_meta;
}

int store_incoming_fd(const struct store *store)
{
	return store->incoming_fd;
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
	int opened = -ENOENT, r = 0;

	if (filename_is_shown(name)) /* O_NONBLOCK: a FIFO that was planted stops nobody */
		opened = open_beneath(store, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (opened < 0)
		return opened == -ELOOP || opened == -EXDEV || opened == -ENOTDIR ||
				       opened == -ENXIO
			       ? -ENOENT
			       : opened;
	if (fstat(opened, st) < 0)
		r = -errno;
	else if (!S_ISREG(st->st_mode))
		r = S_ISDIR(st->st_mode) ? -EISDIR : -ENOENT;
	if (r < 0)
		fd_close(&opened);
	else
		*fd = opened;
	return r;
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

static void scan_folder(const struct store *store, const char *folder, unsigned depth,
	const struct store_scan_ops *ops, void *arg)
{
	int fd = open_beneath(store, folder, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;

	if (!dir) {
		fd_close(&fd);
		return;
	}
	ops->on_folder(arg, folder, fd);
	while ((found = readdir(dir))) {
		char name[FILENAME_SIZE];
		struct file_entry *entry;
		int r;

		if (found->d_name[0] == '.' ||
			snprintf(name, sizeof(name), "%s%s%s", folder, *folder ? "/" : "",
				found->d_name) >= (int)sizeof(name))
			continue;
		r = store_look(store, name, &entry);
		if (r == 0)
			ops->on_file(arg, entry);
		else if (r == -EISDIR && depth < FILENAME_DEPTH_MAX)
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

/* Folders that have become empty were made for what was in them. */
static void remove_empty_folders(const struct store *store, const char *name)
{
	char folder[FILENAME_SIZE];
	const char *base;
	char *slash;

	snprintf(folder, sizeof(folder), "%s", name);
	while ((slash = strrchr(folder, '/'))) {
		int parent;

		*slash = '\0';
		parent = open_parent(store, folder, false, &base);
		if (parent < 0 || unlinkat(parent, base, AT_REMOVEDIR) < 0) {
			fd_close(&parent);
			return;
		}
		fd_close(&parent);
	}
}

int store_rename(const struct store *store, const char *from, const char *to)
{
	const char *from_base, *to_base;
	int from_fd = open_parent(store, from, false, &from_base), to_fd = -1, r = from_fd;
	struct stat st;

	if (r >= 0)
		r = fstatat(from_fd, from_base, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno
		    : S_ISREG(st.st_mode)                                     ? 0
									      : -ENOENT;
	if (r == 0) {
		to_fd = open_parent(store, to, true, &to_base);
		r = to_fd < 0 ? to_fd : rename_free(from_fd, from_base, to_fd, to_base);
	}
	if (r == 0)
		r = sync_folder(to_fd);
	if (r == 0)
		remove_empty_folders(store, from);
	fd_close(&from_fd);
	fd_close(&to_fd);
	return r == -ELOOP || r == -EXDEV ? -ENOENT : r;
}

/* Moves `from` of `from_fd` to `name`, or the first number of it that is free, told in `placed`.
 * The folder is synced. */
static int place(const struct store *store, int from_fd, const char *from, const char *name,
	char placed[FILENAME_SIZE])
{
	const char *base;
	int parent = open_parent(store, name, true, &base), r = -EEXIST;

	if (parent < 0)
		return parent == -ELOOP || parent == -EXDEV ? -ENOTDIR : parent;
	for (unsigned n = 1; r == -EEXIST && n <= NUMBERS_MAX; n++) {
		if (n == 1)
			snprintf(placed, FILENAME_SIZE, "%s", name);
		else
			filename_number(name, n, placed);
		r = rename_free(from_fd, from, parent, filename_base(placed));
	}
	if (r == 0)
		r = sync_folder(parent);
	fd_close(&parent);
	return r;
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
	r = place(store, store->incoming_fd, incoming, name, placed);
	if (r < 0)
		return r;
	*out = entry_create(placed, (uint64_t)st.st_size, entry_mtime_ns(&st), meta);
	return *out ? 0 : -ENOMEM;
}

/* --- the trash: .trash/SECONDS-ID/BASE --- */

static int64_t now_s(void)
{
	return (int64_t)time(NULL);
}

/* The seconds in a trash folder's name, or -1 if it is none. */
static int64_t trash_time(const char *id)
{
	size_t digits = strspn(id, "0123456789");
	uint64_t seconds;

	if (id[digits] != '-' || !store_is_id(id + digits + 1) ||
		parse_number(id, digits, 0, INT64_MAX, &seconds) < 0)
		return -1;
	return (int64_t)seconds;
}

int store_delete(const struct store *store, const char *name)
{
	char id[STORE_ID_SIZE], folder[STORE_ID_SIZE + 24];
	const char *base;
	int parent, trash = -1, fd, r;
	struct stat st;

	r = store_open_file(store, name, &fd, &st);
	if (r < 0)
		return r;
	if (store->keeps_meta) /* without it a restored file comes back without its folders */
		(void)!fsetxattr(fd, ORIGIN, name, strlen(name), 0);
	fd_close(&fd);
	r = store_new_id(id);
	if (r < 0)
		return r;
	snprintf(folder, sizeof(folder), "%" PRId64 "-%s", now_s(), id);
	parent = open_parent(store, name, false, &base);
	if (parent < 0)
		return parent;
	if (mkdirat(store->trash_fd, folder, 0700) < 0)
		r = -errno;
	if (r == 0) {
		trash = openat(
			store->trash_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = trash < 0 ? -errno : rename_free(parent, base, trash, base);
	}
	if (r == 0) {
		r = sync_folder(parent);
		remove_empty_folders(store, name);
	} else {
		unlinkat(store->trash_fd, folder, AT_REMOVEDIR);
	}
	fd_close(&trash);
	fd_close(&parent);
	return r;
}

/* The one file of a trash folder.  0, its name and, if asked for, the whole name that it had. */
static int trash_file(int fd, char base[FILENAME_PART_MAX + 1], char *origin, struct stat *st)
{
	DIR *dir = fdopendir(dup(fd));
	const struct dirent *found;
	int r = -ENOENT;

	while (dir && (found = readdir(dir)))
		if (found->d_name[0] != '.' && r < 0) {
			snprintf(base, FILENAME_PART_MAX + 1, "%s", found->d_name);
			r = 0;
		}
	if (dir)
		closedir(dir);
	if (r == 0) {
		int file = openat(fd, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		ssize_t len = file < 0 ? -1 : fgetxattr(file, ORIGIN, origin, FILENAME_SIZE - 1);

		if (file < 0 || fstat(file, st) < 0 || !S_ISREG(st->st_mode))
			r = -ENOENT;
		origin[len > 0 ? len : 0] = '\0';
		if (!filename_is_shown(origin))
			snprintf(origin, FILENAME_SIZE, "%s", base);
		fd_close(&file);
	}
	return r;
}

int store_trash_each(const struct store *store,
	void (*on_entry)(void *arg, const struct trash_entry *entry), void *arg)
{
	int fd = openat(store->trash_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;

	if (!dir) {
		fd_close(&fd);
		return -errno;
	}
	while ((found = readdir(dir))) {
		struct trash_entry entry;
		char base[FILENAME_PART_MAX + 1];
		struct stat st;
		int folder;

		entry.deleted_s = trash_time(found->d_name);
		if (entry.deleted_s < 0)
			continue;
		folder = openat(fd, found->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (folder >= 0 && trash_file(folder, base, entry.name, &st) == 0) {
			snprintf(entry.id, sizeof(entry.id), "%.*s", (int)sizeof(entry.id) - 1,
				found->d_name);
			entry.size = (uint64_t)st.st_size;
			on_entry(arg, &entry);
		}
		fd_close(&folder);
	}
	closedir(dir);
	return 0;
}

int store_restore(const struct store *store, const char *id, char name[FILENAME_SIZE])
{
	char base[FILENAME_PART_MAX + 1], origin[FILENAME_SIZE];
	struct stat st;
	int folder, r;

	if (trash_time(id) < 0)
		return -ENOENT;
	folder = openat(store->trash_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	r = trash_file(folder, base, origin, &st);
	if (r == 0)
		r = place(store, folder, base, origin, name);
	if (r == 0)
		unlinkat(store->trash_fd, id, AT_REMOVEDIR);
	fd_close(&folder);
	return r;
}

static void clean_trash(const struct store *store, int64_t before_s)
{
	int fd = openat(store->trash_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;

	while (dir && (found = readdir(dir))) {
		char base[FILENAME_PART_MAX + 1], origin[FILENAME_SIZE];
		int64_t deleted_s = trash_time(found->d_name);
		struct stat st;
		int folder;

		if (deleted_s < 0 || deleted_s > before_s)
			continue;
		folder = openat(fd, found->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (folder >= 0 && trash_file(folder, base, origin, &st) == 0)
			unlinkat(folder, base, 0);
		fd_close(&folder);
		unlinkat(fd, found->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
	else
		fd_close(&fd);
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

/* Left behind by a server that was killed: older than this one. */
static bool is_orphan(const struct store *store, const char *name, const struct stat *st)
{
	const struct timespec *opened = &store->opened;

	return ends_with(name, ".tmp") && (st->st_mtim.tv_sec < opened->tv_sec ||
						  (st->st_mtim.tv_sec == opened->tv_sec &&
							  st->st_mtim.tv_nsec < opened->tv_nsec));
}

static void clean_incoming(const struct store *store, int64_t before_s, bool everything)
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

void store_clean(
	const struct store *store, unsigned trash_hours, unsigned resume_hours, bool everything)
{
	clean_trash(store, now_s() - (int64_t)trash_hours * 3600);
	clean_incoming(store, now_s() - (int64_t)resume_hours * 3600, everything);
}

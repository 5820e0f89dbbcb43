/* SPDX-License-Identifier: MIT */
#include "httpd/files/trash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/parse.h"
#include "httpd/files/path.h"
#include "httpd/files/store.h"

#define ORIGIN "user.screenshare.name" /* of a deleted file: the whole name that it had */

/* So much more lies there, or less. */
static void count_change(struct trash *trash, int64_t bytes)
{
	pthread_mutex_lock(&trash->lock);
	trash->bytes += (uint64_t)bytes;
	trash->n_changes++;
	pthread_mutex_unlock(&trash->lock);
}

/* Anybody may have tidied up there by hand. */
static void count_anew(struct trash *trash)
{
	pthread_mutex_lock(&trash->lock);
	trash->is_counted = false;
	pthread_mutex_unlock(&trash->lock);
}

/* The seconds in a trash folder's name, or -1 if it is none. */
static int64_t time_of(const char *id)
{
	size_t digits = strspn(id, "0123456789");
	uint64_t seconds;

	if (id[digits] != '-' || !store_is_id(id + digits + 1) ||
		parse_number(id, digits, 0, INT64_MAX, &seconds) < 0)
		return -1;
	return (int64_t)seconds;
}

int trash_put(struct trash *trash, const char *name)
{
	char id[STORE_ID_SIZE], folder[TRASH_ID_SIZE];
	const char *base;
	int parent, into = -1, fd, r;
	struct stat st;

	r = path_open_file(trash->root_fd, name, &fd, &st);
	if (r < 0)
		return r;
	if (trash->keeps_names) /* without it a restored file comes back without its folders */
		(void)!fsetxattr(fd, ORIGIN, name, strlen(name), 0);
	fd_close(&fd);
	r = store_new_id(id);
	if (r < 0)
		return r;
	snprintf(folder, sizeof(folder), "%" PRId64 "-%s", (int64_t)time(NULL), id);
	parent = path_open_parent(trash->root_fd, name, false, &base);
	if (parent < 0)
		return parent;
	if (mkdirat(trash->fd, folder, 0700) < 0)
		r = -errno;
	if (r == 0) {
		into = openat(trash->fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = into < 0 ? -errno : path_move(parent, base, into, base);
	}
	if (r == 0) {
		count_change(trash, (int64_t)st.st_size);
		r = path_sync_folder(parent);
		path_remove_empty_folders(trash->root_fd, name);
	} else {
		unlinkat(trash->fd, folder, AT_REMOVEDIR);
	}
	fd_close(&into);
	fd_close(&parent);
	return r;
}

/* The one file of a trash folder.  0, its name, and the whole name that it had. */
static int find_file(int fd, char base[FILENAME_PART_MAX + 1], char *origin, struct stat *st)
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

int trash_each(const struct trash *trash,
	void (*on_entry)(void *arg, const struct trash_entry *entry), void *arg)
{
	int fd = openat(trash->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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

		entry.deleted_s = time_of(found->d_name);
		if (entry.deleted_s < 0)
			continue;
		folder = openat(fd, found->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (folder >= 0 && find_file(folder, base, entry.name, &st) == 0) {
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

int trash_restore(struct trash *trash, const char *id, char name[FILENAME_SIZE])
{
	char base[FILENAME_PART_MAX + 1], origin[FILENAME_SIZE];
	struct stat st;
	int folder, r;

	if (time_of(id) < 0)
		return -ENOENT;
	folder = openat(trash->fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	r = find_file(folder, base, origin, &st);
	if (r == 0)
		r = path_place(trash->root_fd, folder, base, origin, name);
	if (r == 0) {
		count_change(trash, -(int64_t)st.st_size);
		unlinkat(trash->fd, id, AT_REMOVEDIR);
	}
	fd_close(&folder);
	return r;
}

/* One trash folder and its file.  Whether that has gone, and how large it was. */
static bool remove_one(struct trash *trash, const char *id, uint64_t *size)
{
	char base[FILENAME_PART_MAX + 1], origin[FILENAME_SIZE];
	int folder = openat(trash->fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	bool has_gone = folder >= 0 && find_file(folder, base, origin, &st) == 0 &&
			unlinkat(folder, base, 0) == 0;

	fd_close(&folder);
	unlinkat(trash->fd, id, AT_REMOVEDIR);
	if (!has_gone)
		return false;
	*size = (uint64_t)st.st_size;
	count_change(trash, -(int64_t)st.st_size);
	return true;
}

void trash_clean(struct trash *trash, int64_t before_s)
{
	int fd = openat(trash->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;

	while (dir && (found = readdir(dir))) {
		int64_t deleted_s = time_of(found->d_name);
		uint64_t size;

		if (deleted_s >= 0 && deleted_s <= before_s)
			remove_one(trash, found->d_name, &size);
	}
	if (dir)
		closedir(dir);
	else
		fd_close(&fd);
	count_anew(trash);
}

/* --- room --- */

static void add_size(void *arg, const struct trash_entry *entry)
{
	uint64_t *bytes = arg;

	*bytes += entry->size;
}

uint64_t trash_bytes(struct trash *trash)
{
	uint64_t bytes;
	unsigned before;

	pthread_mutex_lock(&trash->lock);
	while (!trash->is_counted) {
		before = trash->n_changes;
		pthread_mutex_unlock(&trash->lock);
		bytes = 0;
		trash_each(trash, add_size, &bytes);
		pthread_mutex_lock(&trash->lock);
		/* What came or went meanwhile was seen, or was not. */
		trash->is_counted = trash->n_changes == before;
		trash->bytes = bytes;
	}
	bytes = trash->bytes;
	pthread_mutex_unlock(&trash->lock);
	return bytes;
}

struct deleted {
	char id[TRASH_ID_SIZE];
	int64_t deleted_s;
};

struct deleted_list {
	struct deleted *list;
	size_t n, size;
};

static void add_deleted(void *arg, const struct trash_entry *entry)
{
	struct deleted_list *all = arg;
	struct deleted *added;

	if (all->n == all->size) {
		size_t size = all->size ? 2 * all->size : 16;
		struct deleted *list = realloc(all->list, size * sizeof(*list));

		if (!list)
			return; /* it stays for this time */
		all->list = list;
		all->size = size;
	}
	added = &all->list[all->n++];
	memcpy(added->id, entry->id, sizeof(added->id));
	added->deleted_s = entry->deleted_s;
}

static int oldest_first(const void *a, const void *b)
{
	const struct deleted *first = a, *second = b;

	return (first->deleted_s > second->deleted_s) - (first->deleted_s < second->deleted_s);
}

uint64_t trash_make_room(struct trash *trash, uint64_t bytes, unsigned *n)
{
	struct deleted_list all = {0};
	uint64_t gone = 0, size;

	*n = 0;
	trash_each(trash, add_deleted, &all);
	if (all.n > 0)
		qsort(all.list, all.n, sizeof(*all.list), oldest_first);
	for (size_t i = 0; i < all.n && gone < bytes; i++)
		if (remove_one(trash, all.list[i].id, &size)) {
			gone += size;
			++*n;
		}
	free(all.list);
	count_anew(trash);
	return gone;
}

/* SPDX-License-Identifier: MIT */
#include "httpd/files/listing.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/fd.h"

#define BUCKETS_FIRST 64u

struct node {
	struct node *next; /* of the bucket */
	struct file_entry *entry;
	uint32_t hash;
	unsigned scan; /* that saw it last */
};

struct listing {
	int change_fd;
	pthread_mutex_t lock;
	struct node **buckets;
	size_t n_buckets; /* a power of two */
	unsigned n;
	uint64_t bytes, generation;
	unsigned scan;
	bool was_scanned; /* once at least */
	pthread_cond_t scanned;
};

/* FNV-1a */
static uint32_t hash_of(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash;
}

static void changed(struct listing *listing)
{
	const uint64_t one = 1;

	listing->generation++;
	(void)!write(listing->change_fd, &one, sizeof(one));
}

/* Where the node of `name` hangs, or would. */
static struct node **find(struct listing *listing, const char *name, uint32_t hash)
{
	struct node **at = &listing->buckets[hash & (listing->n_buckets - 1)];

	while (*at && ((*at)->hash != hash || strcmp((*at)->entry->name, name) != 0))
		at = &(*at)->next;
	return at;
}

/* Without memory the buckets only become longer. */
static void grow(struct listing *listing)
{
	size_t n = 2 * listing->n_buckets;
	struct node **buckets = calloc(n, sizeof(struct node *));

	if (!buckets)
		return;
	for (size_t i = 0; i < listing->n_buckets; i++) {
		struct node *node;

		while ((node = listing->buckets[i])) {
			listing->buckets[i] = node->next;
			node->next = buckets[node->hash & (n - 1)];
			buckets[node->hash & (n - 1)] = node;
		}
	}
	free(listing->buckets);
	listing->buckets = buckets;
	listing->n_buckets = n;
}

static void unhook(struct listing *listing, struct node **at)
{
	struct node *node = *at;

	*at = node->next;
	listing->n--;
	listing->bytes -= node->entry->size;
	entry_unref(node->entry);
	free(node);
}

static bool is_same(const struct file_entry *a, const struct file_entry *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns && !a->meta == !b->meta &&
	       (!a->meta || memcmp(a->meta, b->meta, sizeof(*a->meta)) == 0);
}

void listing_put(struct listing *listing, struct file_entry *entry)
{
	uint32_t hash = hash_of(entry->name);
	struct node **at, *node;

	pthread_mutex_lock(&listing->lock);
	at = find(listing, entry->name, hash);
	node = *at;
	if (node) {
		node->scan = listing->scan;
		/* Where the disk keeps no meta data, the memory does. */
		if (is_same(node->entry, entry) ||
			(!entry->meta && node->entry->meta && node->entry->size == entry->size &&
				node->entry->mtime_ns == entry->mtime_ns)) {
			entry_unref(entry);
			goto unlock;
		}
		listing->bytes += entry->size - node->entry->size;
		entry_unref(node->entry);
		node->entry = entry;
		changed(listing);
		goto unlock;
	}
	node = malloc(sizeof(*node));
	if (!node) { /* it is on the disk: the next scan finds it */
		entry_unref(entry);
		goto unlock;
	}
	*node = (struct node){.entry = entry, .hash = hash, .scan = listing->scan};
	*at = node;
	listing->bytes += entry->size;
	if (++listing->n > listing->n_buckets)
		grow(listing);
	changed(listing);
unlock:
	pthread_mutex_unlock(&listing->lock);
}

bool listing_remove(struct listing *listing, const char *name)
{
	struct node **at;
	bool was_there;

	pthread_mutex_lock(&listing->lock);
	at = find(listing, name, hash_of(name));
	was_there = *at != NULL;
	if (was_there) {
		unhook(listing, at);
		changed(listing);
	}
	pthread_mutex_unlock(&listing->lock);
	return was_there;
}

struct file_entry *listing_find(struct listing *listing, const char *name)
{
	struct file_entry *entry = NULL;
	struct node *node;

	pthread_mutex_lock(&listing->lock);
	node = *find(listing, name, hash_of(name));
	if (node)
		entry = entry_ref(node->entry);
	pthread_mutex_unlock(&listing->lock);
	return entry;
}

void listing_begin_scan(struct listing *listing)
{
	pthread_mutex_lock(&listing->lock);
	listing->scan++;
	pthread_mutex_unlock(&listing->lock);
}

void listing_end_scan(struct listing *listing)
{
	bool any = false;

	pthread_mutex_lock(&listing->lock);
	for (size_t i = 0; i < listing->n_buckets; i++) {
		struct node **at = &listing->buckets[i];

		while (*at) {
			if ((*at)->scan == listing->scan) {
				at = &(*at)->next;
				continue;
			}
			unhook(listing, at);
			any = true;
		}
	}
	if (any)
		changed(listing);
	listing->was_scanned = true;
	pthread_cond_broadcast(&listing->scanned);
	pthread_mutex_unlock(&listing->lock);
}

void listing_await_scan(struct listing *listing)
{
	pthread_mutex_lock(&listing->lock);
	while (!listing->was_scanned)
		pthread_cond_wait(&listing->scanned, &listing->lock);
	pthread_mutex_unlock(&listing->lock);
}

void listing_totals(struct listing *listing, const char *address, unsigned *n, uint64_t *bytes,
	uint64_t *of_address)
{
	pthread_mutex_lock(&listing->lock);
	*n = listing->n;
	*bytes = listing->bytes;
	if (address) {
		*of_address = 0;
		for (size_t i = 0; i < listing->n_buckets; i++)
			for (const struct node *node = listing->buckets[i]; node; node = node->next)
				if (node->entry->meta &&
					strcmp(node->entry->meta->address, address) == 0)
					*of_address += node->entry->size;
	}
	pthread_mutex_unlock(&listing->lock);
}

uint64_t listing_generation(struct listing *listing)
{
	uint64_t generation;

	pthread_mutex_lock(&listing->lock);
	generation = listing->generation;
	pthread_mutex_unlock(&listing->lock);
	return generation;
}

int listing_change_fd(const struct listing *listing)
{
	return listing->change_fd;
}

static int newest_first(const void *a, const void *b)
{
	const struct file_entry *x = *(struct file_entry *const *)a;
	const struct file_entry *y = *(struct file_entry *const *)b;

	if (x->mtime_ns != y->mtime_ns)
		return x->mtime_ns > y->mtime_ns ? -1 : 1;
	return strcmp(x->name, y->name);
}

struct file_entry **listing_all(struct listing *listing, size_t *n, uint64_t *generation)
{
	struct file_entry **entries = NULL;

	*n = 0;
	pthread_mutex_lock(&listing->lock);
	*generation = listing->generation;
	if (listing->n > 0)
		entries = malloc(listing->n * sizeof(struct file_entry *));
	for (size_t i = 0; entries && i < listing->n_buckets; i++)
		for (struct node *node = listing->buckets[i]; node; node = node->next)
			entries[(*n)++] = entry_ref(node->entry);
	pthread_mutex_unlock(&listing->lock);
	if (entries)
		qsort(entries, *n, sizeof(struct file_entry *), newest_first);
	return entries;
}

void listing_release(struct file_entry **entries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		entry_unref(entries[i]);
	free(entries);
}

int listing_create(struct listing **out)
{
	struct listing *listing = calloc(1, sizeof(*listing));

	if (!listing)
		return -ENOMEM;
	listing->change_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	listing->n_buckets = BUCKETS_FIRST;
	listing->buckets = calloc(BUCKETS_FIRST, sizeof(struct node *));
	if (listing->change_fd < 0 || !listing->buckets) {
		int r = listing->change_fd < 0 ? -errno : -ENOMEM;

		fd_close(&listing->change_fd);
		free(listing->buckets);
		free(listing);
		return r;
	}
	pthread_mutex_init(&listing->lock, NULL);
	pthread_cond_init(&listing->scanned, NULL);
	*out = listing;
	return 0;
}

void listing_destroy(struct listing *listing)
{
	if (!listing)
		return;
	for (size_t i = 0; i < listing->n_buckets; i++)
		while (listing->buckets[i])
			unhook(listing, &listing->buckets[i]);
	free(listing->buckets);
	fd_close(&listing->change_fd);
	pthread_cond_destroy(&listing->scanned);
	pthread_mutex_destroy(&listing->lock);
	free(listing);
}

/* SPDX-License-Identifier: MIT */
/*
 * Disk workers: a few threads that make the calls which may wait for a disk, so that the event loop
 * never does.
 *
 *     loop ──disk_submit──► queue ──► a worker: run(job) ──► finished ──eventfd──► loop: done(job)
 *
 * Threads start when there is work and none of them is free, and end after a minute without any: a
 * server that only shows a screen has none.  Jobs of one owner that must follow each other are
 * submitted one after the other, each by the done() of the one before.
 */
#pragma once

#include <sys/queue.h>

struct disk_workers; /* opaque */
struct event_base;

#define DISK_WORKERS_MAX 4u

/* Embedded in what it works on, which must stay until done(). */
struct disk_job {
	void (*run)(struct disk_job *job);  /* on a worker */
	void (*done)(struct disk_job *job); /* on the event loop */
	STAILQ_ENTRY(disk_job) entry;       /* in the queue, or among the finished */
};

/* 0 or -errno. */
int disk_workers_create(struct event_base *base, struct disk_workers **out);
/* Waits until every job has run, those that their done() submits too, and calls done() for each.
 * Accepts NULL. */
void disk_workers_destroy(struct disk_workers *workers);

/* Event-loop thread only.  Cannot fail: without a thread the job waits for one. */
void disk_submit(struct disk_workers *workers, struct disk_job *job);

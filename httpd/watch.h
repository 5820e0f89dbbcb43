/* SPDX-License-Identifier: MIT */
/*
 * Requests of those who want to see and hear: handlers of the routes.
 *
 *     query ──► who it is (id, name), what it wishes ──► a viewer takes the connection over
 *                                                    └─► one picture
 *
 * HEAD captures nothing: nobody asks whose picture it would not look at.  Event-loop thread only.
 */
#pragma once

#include "httpd/exchange.h"

struct site;

void watch_screen(struct site *site, struct exchange *exchange);         /* /d_video */
void watch_camera(struct site *site, struct exchange *exchange);         /* /c_video */
void watch_screen_picture(struct site *site, struct exchange *exchange); /* /d.jpg */
void watch_camera_picture(struct site *site, struct exchange *exchange); /* /c.jpg */
void watch_audio(struct site *site, struct exchange *exchange);          /* /audio_feed */
void watch_socket(struct site *site, struct exchange *exchange);         /* /ws */
void watch_alive(struct site *site, struct exchange *exchange);          /* /alive */

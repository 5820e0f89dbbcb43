/* SPDX-License-Identifier: MIT */
#include "httpd/files/owner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <nettle/sha2.h>

#include "httpd/files/store.h"

#define COOKIE "screenshare_owner"

/* The cookie's value, if it is one of ours. */
static bool find_token(const struct request *request, char token[OWNER_TOKEN_SIZE])
{
	const char *s = request_header(request, "Cookie");

	for (; s && *s; s += strcspn(s, ";"), s += strspn(s, "; ")) {
		size_t len = strcspn(s, ";");

		if (len != sizeof(COOKIE) + OWNER_TOKEN_SIZE - 1 ||
			strncmp(s, COOKIE "=", sizeof(COOKIE)) != 0)
			continue;
		memcpy(token, s + sizeof(COOKIE), OWNER_TOKEN_SIZE - 1);
		token[OWNER_TOKEN_SIZE - 1] = '\0';
		if (store_is_id(token))
			return true; /* else another one may be */
	}
	return false;
}

static void id_of(const char *token, char id[ENTRY_OWNER_SIZE])
{
	uint8_t digest[ENTRY_HASH_SIZE];
	char text[2 * ENTRY_HASH_SIZE + 1];
	struct sha256_ctx hash;

	sha256_init(&hash);
	sha256_update(&hash, sizeof(COOKIE), (const uint8_t *)COOKIE);
	sha256_update(&hash, strlen(token), (const uint8_t *)token);
	sha256_digest(&hash, sizeof(digest), digest);
	entry_hash_text(digest, text);
	memcpy(id, text, ENTRY_OWNER_SIZE - 1);
	id[ENTRY_OWNER_SIZE - 1] = '\0';
}

void owner_of(const struct request *request, char id[ENTRY_OWNER_SIZE])
{
	char token[OWNER_TOKEN_SIZE];

	id[0] = '\0';
	if (find_token(request, token))
		id_of(token, id);
}

int sender_learn(struct exchange *exchange, struct sender *out)
{
	const struct request *request = exchange_request(exchange);
	const char *header = request_header(request, "X-Sender");
	char token[OWNER_TOKEN_SIZE], name[3 * ENTRY_SENDER_SIZE];

	memset(out, 0, sizeof(*out));
	snprintf(out->meta.address, sizeof(out->meta.address), "%s",
		conn_peer_text(exchange_conn(exchange)));
	if (request_query(request, "sender", name, sizeof(name)) > 0) {
		entry_clean_sender(name, out->meta.sender);
	} else if (header && strlen(header) < sizeof(name)) {
		int len = (int)strlen(header);

		memcpy(name, header, (size_t)len + 1);
		len = request_percent_decode(name, (size_t)len, false);
		if (len > 0) {
			name[len] = '\0';
			entry_clean_sender(name, out->meta.sender);
		}
	}
	if (!find_token(request, token)) {
		int r = store_new_id(token);

		if (r < 0)
			return r;
		snprintf(out->set_cookie, sizeof(out->set_cookie),
			"Set-Cookie: " COOKIE
			"=%s; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict\r\n",
			token);
	}
	id_of(token, out->meta.owner);
	return 0;
}

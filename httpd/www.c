/* SPDX-License-Identifier: MIT */
#include "httpd/www.h"

#include <string.h>

#include "httpd/www_files.h" /* generated */

#define DECLARE(symbol, name, tag) extern const char symbol[], symbol##_end[];
WWW_FILES(DECLARE)

static const char *type_of(const char *name)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{".css", "text/css; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
	};
	const char *end = strrchr(name, '.');

	for (size_t i = 0; end && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(end, types[i].end) == 0)
			return types[i].type;
	return NULL;
}

bool www_find(const char *name, size_t name_len, struct www_file *out)
{
#define FOUND_IF(symbol, name_, tag_)                                                              \
	if (sizeof(name_) - 1 == name_len && memcmp(name_, name, name_len) == 0) {                 \
		*out = (struct www_file){.name = name_,                                            \
			.tag = tag_,                                                               \
			.type = type_of(name_),                                                    \
			.data = symbol,                                                            \
			.len = (size_t)(symbol##_end - symbol)};                                   \
		return true;                                                                       \
	}
	WWW_FILES(FOUND_IF)
	return false;
}

/* SPDX-License-Identifier: MIT */
#include "httpd/template.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <event2/buffer.h>

#include "common/markup.h"
#include "httpd/www.h"

static int add_escaped(struct evbuffer *out, const char *text, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		const char *escape = markup_escape_quoted(text[i]);

		if (!escape)
			continue;
		if (evbuffer_add(out, text + from, i - from) < 0 ||
			evbuffer_add(out, escape, strlen(escape)) < 0)
			return -ENOMEM;
		from = i + 1;
	}
	return evbuffer_add(out, text + from, len - from) < 0 ? -ENOMEM : 0;
}

/* Text that is not markup. */
static int add_text(
	const struct template *template, const char *text, size_t len, struct evbuffer *out)
{
	if (template->is_html)
		return add_escaped(out, text, len);
	return evbuffer_add(out, text, len) < 0 ? -ENOMEM : 0;
}

static int fill(const struct template *template, const char *text, size_t len, bool is_markup,
	struct evbuffer *out);

static int fill_string(
	const struct template *template, const char *name, size_t len, struct evbuffer *out)
{
	const char *string = string_find(template->language, name, len);

	assert(string && "a template names a string that is not there");
	return fill(template, string, strlen(string), false, out);
}

static int fill_name(
	const struct template *template, const char *name, size_t len, struct evbuffer *out)
{
	static const char content[] = "content ";
	const size_t content_len = sizeof(content) - 1;
	struct www_file file;

	if (len > content_len && memcmp(name, content, content_len) == 0 &&
		www_find(name + content_len, len - content_len, &file))
		return evbuffer_add_reference(out, file.data, file.len, NULL, NULL) < 0 ? -ENOMEM
											: 0;
	for (size_t i = 0; i < template->n_values; i++) {
		const struct template_value *value = &template->values[i];

		if (strlen(value->name) != len || memcmp(value->name, name, len) != 0)
			continue;
		if (value->is_string)
			return fill_string(template, value->text, strlen(value->text), out);
		if (value->is_markup)
			return evbuffer_add(out, value->text, strlen(value->text)) < 0 ? -ENOMEM
										       : 0;
		return add_text(template, value->text, strlen(value->text), out);
	}
	if (!www_find(name, len, &file))
		return fill_string(template, name, len, out);
	if (evbuffer_add_printf(out, TEMPLATE_STATIC "%s?v=%s", file.name, file.tag) < 0)
		return -ENOMEM;
	return 0;
}

static int fill(const struct template *template, const char *text, size_t len, bool is_markup,
	struct evbuffer *out)
{
	const char *end = text + len;

	while (text < end) {
		const char *open = memmem(text, (size_t)(end - text), "{{", 2);
		size_t n = (size_t)((open ? open : end) - text);
		const char *close;
		int r;

		if (is_markup)
			r = evbuffer_add(out, text, n) < 0 ? -ENOMEM : 0;
		else
			r = add_text(template, text, n, out);
		if (r < 0 || !open)
			return r;
		close = memmem(open, (size_t)(end - open), "}}", 2);
		assert(close && "a template opens a name and does not close it");
		r = fill_name(template, open + 2, (size_t)(close - open - 2), out);
		if (r < 0)
			return r;
		text = close + 2;
	}
	return 0;
}

int template_fill(
	const struct template *template, const char *text, size_t len, struct evbuffer *out)
{
	return fill(template, text, len, template->is_html, out);
}

/* SPDX-License-Identifier: MIT */
/* links: httpd/files/form_parser.c httpd/request.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "httpd/files/form_parser.h"

/* What was found, as text: "<name|filename>data</>" for each part. */
struct found {
	char text[4096];
	size_t len;
};

static void add(struct found *found, const char *bytes, size_t len)
{
	assert_true(found->len + len < sizeof(found->text));
	memcpy(found->text + found->len, bytes, len);
	found->len += len;
	found->text[found->len] = '\0';
}

static int on_part(void *arg, const struct form_part *part)
{
	add(arg, "<", 1);
	add(arg, part->name, strlen(part->name));
	add(arg, "|", 1);
	if (part->has_filename)
		add(arg, part->filename, part->filename_len);
	else
		add(arg, "-", 1);
	add(arg, ">", 1);
	return 0;
}

static int on_data(void *arg, const char *bytes, size_t len)
{
	assert_true(len > 0);
	add(arg, bytes, len);
	return 0;
}

static int on_part_end(void *arg)
{
	add(arg, "</>", 3);
	return 0;
}

static const struct form_parser_ops OPS = {
	.on_part = on_part, .on_data = on_data, .on_part_end = on_part_end};

/* In pieces of the given lengths: `first`, then `piece`. */
static int parse(const char *form, size_t len, size_t first, size_t piece, struct found *found,
	bool *is_whole)
{
	struct form_parser *parser;
	int r = 0;

	memset(found, 0, sizeof(*found));
	assert_int_equal(form_parser_create("bound", &OPS, found, &parser), 0);
	for (size_t n = first; len > 0 && r == 0; n = piece) {
		n = n < len ? n : len;
		r = form_parser_feed(parser, form, n);
		form += n;
		len -= n;
	}
	*is_whole = form_parser_is_whole(parser);
	assert_non_null(form_parser_why(parser));
	form_parser_destroy(parser);
	return r;
}

#define FILE_HEAD "Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n"

static const char FORM[] = "nothing\r\n--bound \t\r\n" FILE_HEAD "Content-Type: text/plain\r\n\r\n"
			   "one\r\n--boun\r\r\n--bound\r\n"
			   "Content-Disposition: form-data; name=sender\r\n\r\nAnn\r\n--bound\r\n"
			   "content-disposition:form-data;filename=b;name=\"file\"\r\n\r\n"
			   "\r\n--bound--\r\nwhatever\r\n--bound\r\n";
static const char FOUND[] = "<file|a.txt>one\r\n--boun\r</><sender|->Ann</><file|b></>";

static void a_form_is_the_same_however_it_is_cut(void **state)
{
	struct found found;
	bool is_whole;

	(void)state;
	for (size_t first = 0; first < sizeof(FORM); first++) {
		assert_int_equal(
			parse(FORM, sizeof(FORM) - 1, first, SIZE_MAX, &found, &is_whole), 0);
		assert_true(is_whole);
		assert_string_equal(found.text, FOUND);
		for (size_t piece = 1; piece < 20; piece++) {
			assert_int_equal(
				parse(FORM, sizeof(FORM) - 1, first, piece, &found, &is_whole), 0);
			assert_string_equal(found.text, FOUND);
		}
	}
}

static void a_form_that_ends_early_is_never_whole(void **state)
{
	static const char end[] = "\r\nwhatever\r\n--bound\r\n";
	struct found found;
	bool is_whole;

	(void)state;
	for (size_t len = 0; len < sizeof(FORM) - sizeof(end); len++) {
		assert_int_equal(parse(FORM, len, SIZE_MAX, 1, &found, &is_whole), 0);
		assert_false(is_whole);
	}
}

static void assert_malformed(const char *form)
{
	struct found found;
	bool is_whole;

	assert_int_equal(parse(form, strlen(form), SIZE_MAX, 1, &found, &is_whole), -EBADMSG);
	assert_int_equal(parse(form, strlen(form), 1, 1, &found, &is_whole), -EBADMSG);
}

static void what_is_no_part_of_a_form_is_malformed(void **state)
{
	static char long_head[2 * FORM_HEAD_MAX];

	(void)state;
	assert_malformed("--boundX\r\n");
	assert_malformed("--bound-x");
	assert_malformed("--bound\rx");
	assert_malformed("--bound\r\n\r\nno head");
	assert_malformed("--bound\r\nContent-Type: text/plain\r\n\r\n");
	assert_malformed("--bound\r\nContent-Disposition: attachment\r\n\r\n");
	assert_malformed(
		"--bound\r\n" FILE_HEAD "Content-Type: multipart/mixed; boundary=c\r\n\r\n");
	assert_malformed("--bound\r\n" FILE_HEAD "Content-Transfer-Encoding: base64\r\n\r\n");
	assert_malformed("--bound\r\n" FILE_HEAD "no colon\r\n\r\n");
	assert_malformed("--bound\r\n" FILE_HEAD " folded: x\r\n\r\n");
	assert_malformed("--bound\r\nContent-Disposition: form-data; filename=\"a\n\r\n");
	assert_malformed("--bound\r\nContent-Disposition: form-data; filename=\"open\r\n\r\n");
	strcpy(long_head, "--bound\r\n");
	memset(long_head + 9, 'x', FORM_HEAD_MAX + 1);
	assert_malformed(long_head);
}

static void assert_filename(const char *parameters, const char *wanted)
{
	char form[1024];
	struct found found;
	bool is_whole;

	snprintf(form, sizeof(form),
		"--bound\r\nContent-Disposition: form-data; name=\"f\"; %s\r\n\r\n", parameters);
	assert_int_equal(parse(form, strlen(form), SIZE_MAX, 1, &found, &is_whole), 0);
	assert_string_equal(found.text, wanted);
}

static void names_are_decoded_as_browsers_and_curl_write_them(void **state)
{
	(void)state;
	assert_filename("filename=\"a;b%22c%0d%0A.txt\"", "<f|a;b\"c\r\n.txt>");
	assert_filename("filename=\"a\\\"b\\\\c\"", "<f|a\"b\\c>");
	assert_filename("filename=\"C:\\x\\a.txt\"", "<f|C:\\x\\a.txt>");
	assert_filename("filename=\"100%25.txt\"", "<f|100%25.txt>");
	assert_filename("filename=\"\"", "<f|>");
	assert_filename("filename=\"x\"; filename*=UTF-8''%c3%a4%20b", "<f|ä b>");
	assert_filename("filename=\"x\"; filename*=iso-8859-1''%e4", "<f|x>");
	assert_filename("filename*=UTF-8''%zz; filename=x", "<f|x>");
	assert_filename("xfilename=\"no\"", "<f|->");
}

static void boundaries_are_taken_as_the_standard_has_them(void **state)
{
	char out[FORM_BOUNDARY_MAX + 1], type[256];

	(void)state;
	assert_int_equal(form_boundary("multipart/form-data; boundary=abc", out), 0);
	assert_string_equal(out, "abc");
	assert_int_equal(
		form_boundary("Multipart/Form-Data;charset=x; Boundary=\"a b?\" ; y=z", out), 0);
	assert_string_equal(out, "a b?");
	assert_int_equal(form_boundary("multipart/form-data", out), -EINVAL);
	assert_int_equal(form_boundary("multipart/form-data; boundary=", out), -EINVAL);
	assert_int_equal(form_boundary("multipart/form-data; boundary=\"a", out), -EINVAL);
	assert_int_equal(form_boundary("multipart/form-data; boundary=\"a \"", out), -EINVAL);
	assert_int_equal(form_boundary("multipart/form-data; boundary=a\xff", out), -EINVAL);
	assert_int_equal(form_boundary("multipart/mixed; boundary=abc", out), -EINVAL);
	snprintf(type, sizeof(type), "multipart/form-data; boundary=%070d", 0);
	assert_int_equal(form_boundary(type, out), 0);
	snprintf(type, sizeof(type), "multipart/form-data; boundary=%071d", 0);
	assert_int_equal(form_boundary(type, out), -EINVAL);
	snprintf(type, sizeof(type), "multipart/form-data; boundary=\"%071d\"", 0);
	assert_int_equal(form_boundary(type, out), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_form_is_the_same_however_it_is_cut),
		cmocka_unit_test(a_form_that_ends_early_is_never_whole),
		cmocka_unit_test(what_is_no_part_of_a_form_is_malformed),
		cmocka_unit_test(names_are_decoded_as_browsers_and_curl_write_them),
		cmocka_unit_test(boundaries_are_taken_as_the_standard_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

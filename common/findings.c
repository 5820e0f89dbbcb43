/* SPDX-License-Identifier: MIT */
#include "common/findings.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static const char *const verdicts[FINDING_VERDICTS] = {
	[FINDING_FINE] = "fine", [FINDING_NOTE] = "note", [FINDING_WRONG] = "wrong"};

const char *finding_verdict_name(enum finding_verdict verdict)
{
	return (unsigned)verdict < FINDING_VERDICTS ? verdicts[verdict] : "unknown";
}

void findings_add(struct findings *findings, enum finding_verdict verdict, const char *name,
	const char *format, ...)
{
	struct finding *finding;
	va_list args;

	if (findings->n == FINDINGS_MAX)
		return;
	finding = &findings->list[findings->n++];
	*finding = (struct finding){.verdict = verdict};
	snprintf(finding->name, sizeof(finding->name), "%s", name);
	va_start(args, format);
	vsnprintf(finding->words, sizeof(finding->words), format, args);
	va_end(args);
}

void findings_remedy(struct findings *findings, const char *format, ...)
{
	va_list args;

	if (findings->n == 0)
		return;
	va_start(args, format);
	vsnprintf(findings->list[findings->n - 1].remedy, FINDING_REMEDY_SIZE, format, args);
	va_end(args);
}

static void write_field(FILE *out, const char *text, char end)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
	fputc(end, out);
}

int findings_write(const struct findings *findings, FILE *out)
{
	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *finding = &findings->list[i];

		write_field(out, finding_verdict_name(finding->verdict), '\t');
		write_field(out, finding->name, '\t');
		write_field(out, finding->words, '\t');
		write_field(out, finding->remedy, '\n');
	}
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}

/* The next field of the line: *text moves behind it.  NULL where there is none. */
static const char *next_field(const char **text, const char *end, size_t *len)
{
	const char *field = *text, *tab;

	if (!field)
		return NULL;
	tab = memchr(field, '\t', (size_t)(end - field));
	*len = (size_t)((tab ? tab : end) - field);
	*text = tab ? tab + 1 : NULL;
	return field;
}

int findings_read(struct findings *findings, const char *line, size_t len)
{
	const char *end = line + len, *fields[4];
	size_t lens[4];
	unsigned verdict = 0;

	for (size_t i = 0; i < 4; i++) {
		fields[i] = next_field(&line, end, &lens[i]);
		if (!fields[i])
			return -EINVAL;
	}
	while (verdict < FINDING_VERDICTS &&
		(strlen(verdicts[verdict]) != lens[0] ||
			memcmp(verdicts[verdict], fields[0], lens[0]) != 0))
		verdict++;
	if (line || verdict == FINDING_VERDICTS || lens[1] == 0 || lens[1] >= FINDING_NAME_SIZE)
		return -EINVAL;
	char name[FINDING_NAME_SIZE];

	snprintf(name, sizeof(name), "%.*s", (int)lens[1], fields[1]);
	findings_add(
		findings, (enum finding_verdict)verdict, name, "%.*s", (int)lens[2], fields[2]);
	findings_remedy(findings, "%.*s", (int)lens[3], fields[3]);
	return 0;
}

/* export: created exclusively, so that a link or file planted under the name is not followed. */
#include "ui/tui/export.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>

#define EXPORT_TRIES 100 /* names tried in one second */

static struct error *file_new(const char *stem, struct text *ret_name, int *ret_fd)
{
	for (int i = 1; i <= EXPORT_TRIES; i++) {
		text_clear(ret_name);
		text_add(ret_name, stem);
		if (i > 1)
			text_addf(ret_name, "-%d", i);
		text_add(ret_name, ".txt");
		if (ret_name->failed)
			return error_out_of_memory();
		int fd = open(text_string(ret_name),
			      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0) {
			*ret_fd = fd;
			return NULL;
		}
		if (errno != EEXIST)
			break;
	}
	return error_errno(ERROR_RESOURCE, errno, "cannot write %s", text_string(ret_name));
}

static struct error *all_write(int fd, const struct text *text, const char *name)
{
	for (size_t at = 0; at < text->length;) {
		ssize_t n = write(fd, text->data + at, text->length - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_errno(ERROR_RESOURCE, n ? errno : ENOSPC, "cannot write %s",
					   name);
		at += (size_t)n;
	}
	return NULL;
}

struct error *export_canvas(const struct canvas *canvas, pid_t pid, const char *view, time_t at,
			    char **ret_name)
{
	_cleanup_(text_fini) struct text content = TEXT_EMPTY;
	_cleanup_(text_fini) struct text stem = TEXT_EMPTY;
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	_cleanup_(close_fd) int fd = -1;
	char clock[32] = "";
	struct tm parts;
	if (localtime_r(&at, &parts))
		strftime(clock, sizeof(clock), "%Y%m%d-%H%M%S", &parts);
	canvas_to_text(canvas, &content);
	text_addf(&stem, "arenascope-%lld-%s-%s", (long long)pid, view, clock);
	if (content.failed || stem.failed)
		return error_out_of_memory();
	struct error *err = file_new(text_string(&stem), &name, &fd);
	if (err)
		return err;
	err = all_write(fd, &content, text_string(&name));
	if (err) {
		(void)unlink(text_string(&name));
		return err;
	}
	*ret_name = text_take(&name);
	return *ret_name ? NULL : error_out_of_memory();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The progress line: share, bar, counts, rate, time left. */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "control/cli/progress.h"

#define BAR_MAX         30
#define BAR_MIN         5
#define FIRST_AFTER_NS  (300 * NSEC_PER_MSEC)
#define BETWEEN_NS      (100 * NSEC_PER_MSEC)
#define COLUMNS_DEFAULT 80

void progress_start(struct progress *p, const char *noun, uint64_t now_ns)
{
	struct winsize size = {0};

	*p = (struct progress){.noun = noun,
		.share = -1,
		.started_ns = now_ns,
		.is_terminal = isatty(STDERR_FILENO) == 1,
		.columns = COLUMNS_DEFAULT};
	if (p->is_terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		p->columns = size.ws_col;
}

/* 999, 12.3k, 4.56M. */
static void short_number(double n, char out[16])
{
	static const char units[] = "\0kMGT";
	unsigned unit = 0;

	while (n >= 999.5 && units[unit + 1]) {
		n /= 1000;
		unit++;
	}
	snprintf(out, 16,
		unit == 0 || n >= 99.95 ? "%.0f%.1s"
		: n >= 9.995            ? "%.1f%.1s"
					: "%.2f%.1s",
		n, units + unit);
}

/* 0:07, 12:34, 1:02:03. */
static void short_time(double seconds, char out[24])
{
	unsigned long s = (unsigned long)(seconds < 359999 ? seconds + 0.5 : 359999);

	if (s >= 3600)
		snprintf(out, 24, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(out, 24, "%lu:%02lu", s / 60, s % 60);
}

/* How much is done, 0 to 1, or negative. */
static double share_of(const struct progress *p)
{
	double share = p->total ? (double)p->done / (double)p->total : p->share;

	return share > 1 ? 1 : share;
}

void progress_format(const struct progress *p, uint64_t now_ns, char out[PROGRESS_LINE_MAX])
{
	double seconds = (double)(now_ns - p->started_ns) / (double)NSEC_PER_SEC;
	double share = share_of(p);
	char done[16], total[16], rate[16], time[24], counts[96], bar[BAR_MAX + 1] = "";
	unsigned room, filled;

	short_number((double)p->done, done);
	short_number((double)p->total, total);
	short_number(seconds > 0 ? (double)p->done / seconds : 0, rate);
	short_time(share > 0 ? seconds / share - seconds : seconds, time);
	snprintf(counts, sizeof(counts), "%s%s%s %s, %s/s, %s%s", done, p->total ? " of " : "",
		p->total ? total : "", p->noun, rate, time, share > 0 ? " left" : "");
	if (share < 0) {
		snprintf(out, PROGRESS_LINE_MAX, "%.*s", (int)p->columns - 1, counts);
		return;
	}
	/* "100% [", "] ", and a column that stays free */
	room = p->columns > strlen(counts) + 9 ? p->columns - (unsigned)strlen(counts) - 9 : 0;
	room = MIN_OF(room, (unsigned)BAR_MAX);
	filled = (unsigned)(share * room + 1e-9);
	memset(bar, '#', filled);
	memset(bar + filled, '.', room - filled);
	if (room >= BAR_MIN)
		snprintf(out, PROGRESS_LINE_MAX, "%3.0f%% [%.*s] %s", 100 * share, (int)room, bar,
			counts);
	else
		snprintf(out, PROGRESS_LINE_MAX, "%.*s", (int)p->columns - 1, counts);
}

void progress_draw(struct progress *p, uint64_t now_ns)
{
	char line[PROGRESS_LINE_MAX];

	if (!p->is_terminal || now_ns - p->started_ns < FIRST_AFTER_NS ||
		now_ns - p->drawn_ns < BETWEEN_NS)
		return;
	progress_format(p, now_ns, line);
	fprintf(stderr, "\r\033[K%s", line);
	fflush(stderr);
	p->drawn_ns = now_ns;
	p->is_drawn = true;
}

void progress_clear(struct progress *p)
{
	if (p->is_drawn)
		fputs("\r\033[K", stderr);
	p->is_drawn = false;
}

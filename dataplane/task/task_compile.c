/* SPDX-License-Identifier: BSD-3-Clause */
/* Children that compile; see task_compile.h. Thread: main. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/task/task_compile.h"
#include "lib/rcu/rcu.h"

#define PIPE_BYTES   (1 << 20)
#define READ_BYTES   65536u
#define END_NS       (200 * NSEC_PER_MSEC) /* after its last word a child ends */
#define POLITE_NICE  10
#define INSTALLED    BRAID_LIBEXECDIR "/braid-jit"
#define REQUEST_NAME "braid-jit"

_Static_assert(TASK_JIT_FUNCTIONS_MAX == TASK_FUNCTIONS_MAX, "as many in a request");
_Static_assert(BRAID_HELPERS_MAX <= TASK_JIT_HELPERS_MAX, "as many in a request");

static struct task_compile_setup setup;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

void task_compile_setup_default(struct task_compile_setup *s)
{
	/* The program itself, tests, and what measures it lie in folders side by side where they
	 * were built. */
	static const char *const places[] = {
		"/braid-jit", "/../dataplane/braid-jit", "/../../dataplane/braid-jit"};
	char here[sizeof(s->program) - 32];
	ssize_t n = readlink("/proc/self/exe", here, sizeof(here) - 1);
	char *slash;

	*s = (struct task_compile_setup){.wall_ns = TASK_COMPILE_WALL_NS};
	here[n > 0 ? n : 0] = '\0';
	slash = strrchr(here, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
		snprintf(s->program, sizeof(s->program), "%s%s", here, places[i]);
		if (access(s->program, X_OK) == 0)
			return;
	}
	base_strlcpy(s->program, INSTALLED, sizeof(s->program));
}

void task_compile_setup_set(const struct task_compile_setup *s)
{
	setup = *s;
}

static void fill_request(struct task_jit_request *r, const struct task_compile_input *in)
{
	const struct task_object *o = in->object;

	*r = (struct task_jit_request){
		.magic = TASK_JIT_REQUEST_MAGIC,
		.cpu_us = in->cpu_us,
		.world = {.rodata = (uintptr_t)o->rodata,
			.rodata_len = o->rodata_len,
			.n_helpers = BRAID_HELPERS_MAX},
		.n_functions = o->n_functions,
	};
	for (uint32_t n = 1; n <= BRAID_HELPERS_MAX; n++) {
		const struct task_helper *h = &task_helpers[n];
		struct task_jit_helper *to = &r->world.helpers[n - 1];

		to->address = (uintptr_t)h->call;
		while (to->n_args < TASK_HELPER_ARGS_MAX && h->args[to->n_args] != BRAID_ARG_NONE)
			to->n_args++;
	}
	for (uint32_t i = 0; i < o->n_functions; i++) {
		r->functions[i].n_insns = in->n_insns[i];
		r->functions[i].n_masked = in->n_masked[i];
		r->functions[i].ctx_bytes = task_layouts[o->functions[i].kind].bytes;
	}
}

static bool write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* A file in memory with the request; -1: there is no memory. */
static int make_request(const struct task_compile_input *in)
{
	struct task_jit_request r;
	size_t n = 0;
	int fd = memfd_create(REQUEST_NAME, MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	fill_request(&r, in);
	for (uint32_t i = 0; i < in->object->n_functions; i++)
		n += (size_t)in->n_insns[i] + in->n_masked[i];
	if (write_all(fd, &r, sizeof(r)) && write_all(fd, in->insns, n * sizeof(in->insns[0])))
		return fd;
	close(fd);
	return -1;
}

/* Starts the program with these as its standard input and output, and nothing else of ours. It is
 * not forked: that would make the pages of workers copies on their next write. */
static int spawn(pid_t *pid, int request, int answer)
{
	char name[] = "braid-jit";
	char *argv[] = {name, NULL}, *env[] = {NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int ret;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&files) != 0)
		return ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return ENOMEM;
	}
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	ret = posix_spawn_file_actions_adddup2(&files, request, STDIN_FILENO);
	if (ret == 0)
		ret = posix_spawn_file_actions_adddup2(&files, answer, STDOUT_FILENO);
	if (ret == 0)
		ret = posix_spawn_file_actions_addopen(
			&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (ret == 0)
		ret = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	if (ret == 0)
		ret = posix_spawn(pid, setup.program, &files, &attributes, argv, env);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return ret;
}

/* Away from workers; where there is no such CPU it stays with the main thread, and is polite. */
static void place_child(pid_t pid)
{
	if (CPU_COUNT(&setup.cpus) > 0 &&
		sched_setaffinity(pid, sizeof(setup.cpus), &setup.cpus) < 0)
		setpriority(PRIO_PROCESS, (id_t)pid, POLITE_NICE);
}

int task_compile_start(
	struct task_compile *c, const struct task_compile_input *in, struct base_error *err)
{
	int request = make_request(in), ends[2], ret;

	*c = (struct task_compile){.fd = -1,
		.pid_fd = -1,
		.n_functions = in->object->n_functions,
		.cpu_us = in->cpu_us};
	if (request < 0)
		return base_error_set(err, ENOMEM, "no memory to compile programs");
	if (pipe2(ends, O_CLOEXEC) < 0) {
		ret = errno;
		close(request);
		return base_error_set(
			err, ret, "programs cannot be compiled: no pipe: %s", strerror(ret));
	}
	fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	ret = spawn(&c->pid, request, ends[1]);
	close(request);
	close(ends[1]);
	if (ret != 0) {
		close(ends[0]);
		c->pid = 0;
		return base_error_set(err, ret,
			"programs cannot be compiled: %s does not start: %s (is braid installed "
			"whole?)",
			setup.program, strerror(ret));
	}
	place_child(c->pid);
	c->pid_fd = pidfd_open(c->pid, 0);
	c->fd = ends[0];
	c->deadline_ns = now_ns() + setup.wall_ns;
	return 0;
}

static void end_reading(struct task_compile *c, uint64_t deadline_ns)
{
	close(c->fd);
	c->fd = -1;
	c->deadline_ns = deadline_ns;
}

static void kill_child(struct task_compile *c, int why)
{
	c->why = c->why ? c->why : why;
	kill(c->pid, SIGKILL);
	if (c->fd >= 0)
		end_reading(c, UINT64_MAX);
	c->deadline_ns = UINT64_MAX;
}

/* Takes what has come. */
static void read_answer(struct task_compile *c)
{
	ssize_t n;

	if (c->size - c->len < READ_BYTES) {
		size_t size = MAX_OF(2 * c->size, (size_t)2 * READ_BYTES);
		uint8_t *bigger = realloc(c->answer, size);

		if (!bigger) {
			kill_child(c, -ENOMEM);
			return;
		}
		c->answer = bigger;
		c->size = size;
	}
	n = read(c->fd, c->answer + c->len, c->size - c->len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end_reading(c, now_ns() + END_NS);
		return;
	}
	c->len += (size_t)n;
	if (c->len > TASK_CODE_BYTES_MAX)
		kill_child(c, -EFBIG);
}

/* Waits, as the main loop does when it has nothing to do. */
static void wait_for(int fd, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	bool is_online = rcu_read_ongoing();

	if (wait_ms == 0)
		return;
	if (is_online)
		rcu_thread_offline();
	poll(&p, 1, wait_ms);
	if (is_online)
		rcu_thread_online();
}

bool task_compile_step(struct task_compile *c, int wait_ms)
{
	if (c->pid == 0)
		return false;
	if (now_ns() >= c->deadline_ns)
		kill_child(c, c->fd >= 0 ? -ETIMEDOUT : -EPIPE);
	if (c->fd >= 0) {
		wait_for(c->fd, wait_ms);
		read_answer(c);
		return true;
	}
	if (waitpid(c->pid, &c->status, WNOHANG) == 0) {
		wait_for(c->pid_fd, wait_ms);
		return true;
	}
	c->pid = 0;
	return false;
}

/* Why there is no whole answer. */
static int explain(const struct task_compile *c, struct base_error *err)
{
	int signal_number = WIFSIGNALED(c->status) ? WTERMSIG(c->status) : 0;

	if (c->why == -ENOMEM)
		return base_error_set(err, ENOMEM, "no memory for compiled programs");
	if (c->why == -EFBIG)
		return base_error_set(err, E2BIG,
			"compiled programs have more than %u bytes: split the library",
			TASK_CODE_BYTES_MAX);
	if (c->why == -ETIMEDOUT)
		return base_error_set(err, ETIMEDOUT,
			"compiling has not ended after %llu ms and was stopped: try again when "
			"the machine is less busy",
			(unsigned long long)(setup.wall_ns / NSEC_PER_MSEC));
	if (signal_number && c->why == 0)
		return base_error_set(
			err, EIO, "braid-jit has crashed (%s)", strsignal(signal_number));
	return base_error_set(err, EIO,
		"braid-jit has not answered (exit code %d): is braid installed whole?",
		signal_number ? -signal_number : WEXITSTATUS(c->status));
}

int task_compile_result(struct task_compile *c, struct task_code *code, struct task_answer *a,
	struct base_error *err)
{
	size_t len = MIN_OF(c->len, (size_t)TASK_CODE_BYTES_MAX);
	int ret = task_answer_parse(c->answer, len, c->n_functions, a);

	*code = (struct task_code){.pages = NULL};
	if (ret < 0)
		return base_error_set(err, EIO,
			"braid-jit has answered nonsense: install braidctl, braid-control and "
			"braid-dataplane of one version");
	if (a->status < 0)
		return base_error_set(err, ENOEXEC, "refused");
	if (a->n_codes == c->n_functions) {
		ret = task_code_create(c->answer, a, code);
		return ret < 0 ? base_error_set(err, -ret, "no memory for compiled programs") : 0;
	}
	if (WIFSIGNALED(c->status) &&
		(WTERMSIG(c->status) == SIGPROF || WTERMSIG(c->status) == SIGXCPU)) {
		a->status = -ETIME;
		return base_error_set(err, ENOEXEC, "refused");
	}
	return explain(c, err);
}

void task_compile_end(struct task_compile *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
			;
	}
	if (c->fd >= 0)
		close(c->fd);
	if (c->pid_fd >= 0)
		close(c->pid_fd);
	free(c->answer);
	*c = (struct task_compile){.fd = -1, .pid_fd = -1};
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits of braid-jit; see task_jit_limit.h. Thread: main, of braid-jit. */
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/task/task_jit_limit.h"

#define ADDRESS_SPACE_BYTES (256UL << 20)
#define CPU_S               1 /* a second line of defence */
#define LEAST_US            1000
#define NOBODY              65534
#define USEC_PER_SEC        1000000

/* Goes on behind the row when the number of the call is another, else to "allow". */
#define ALLOW(call)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1),                                    \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int limit_calls(void)
{
	static struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(write),
		ALLOW(mmap),
		ALLOW(mprotect),
		ALLOW(munmap),
		ALLOW(mremap),
		ALLOW(brk),
		ALLOW(futex),
		ALLOW(rt_sigreturn),
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	static const struct sock_fprog program = {.len = ARRAY_SIZE(rows), .filter = rows};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

static int limit_resource(int resource, rlim_t n)
{
	const struct rlimit limit = {.rlim_cur = n, .rlim_max = n};

	return setrlimit(resource, &limit);
}

/* Only root has something to give up. */
static int drop_privileges(void)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	return 0;
}

static int limit_time(uint32_t cpu_us)
{
	struct itimerval timer = {.it_value = {.tv_usec = LEAST_US}};
	struct timespec used;
	uint64_t used_us;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	used_us = (uint64_t)used.tv_sec * USEC_PER_SEC + (uint64_t)used.tv_nsec / NSEC_PER_USEC;
	if (cpu_us > used_us + LEAST_US) {
		timer.it_value.tv_sec = (time_t)((cpu_us - used_us) / USEC_PER_SEC);
		timer.it_value.tv_usec = (suseconds_t)((cpu_us - used_us) % USEC_PER_SEC);
	}
	return setitimer(ITIMER_PROF, &timer, NULL);
}

int task_jit_limit(uint32_t cpu_us)
{
	int ret;

	if (limit_time(cpu_us) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		limit_resource(RLIMIT_AS, ADDRESS_SPACE_BYTES) < 0 ||
		limit_resource(RLIMIT_CPU, CPU_S) < 0 || limit_resource(RLIMIT_CORE, 0) < 0 ||
		limit_resource(RLIMIT_FSIZE, 0) < 0 || limit_resource(RLIMIT_NOFILE, 0) < 0)
		return -errno;
	ret = drop_privileges();
	/* Changing the user has taken this back. */
	if (ret == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		ret = -errno;
	return ret < 0 ? ret : limit_calls();
}

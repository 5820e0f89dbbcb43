/* SPDX-License-Identifier: MIT */
/*
 * attempts [--as USER | --keyed] [KEY=VALUE...]: what an intruder would try from inside of a
 * daemon, one attempt a line: "reached WHAT" or "refused WHAT: why".  Started in a daemon's place,
 * by its unit.
 *
 *     each attempt ──fork──► try ──exit status: 0 or errno──► its line
 *
 * --as USER does what daemons do that start as root; it is left out where we are not.  --keyed
 * makes only the attempts that have a key: root, who becomes somebody later, is allowed some
 * others.  The keys name what is not the daemon's own (an attempt whose key is missing is not
 * made):
 *
 *     camera= sound= device nodes      x= an X server's socket        secret= another user's file
 *     ring= a capture socket           suid= a copy of this program that is root's, mode 4755
 *     victim= the pid of a sibling (several)                          places= where files might be
 * put
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/capsock.h"

#define RING_TIMEOUT_MS 30000
#define NOBODY          65534
#define SUID_CHECK      "suid-check"

/* Each returns 0 if it has got what it wanted, else an errno. */
typedef int attempt_fn(const char *value);

static int result(long r)
{
	return r < 0 ? errno : 0;
}

/* --- what is not its own --- */

static int open_node(const char *path)
{
	return result(open(path, O_RDWR | O_NONBLOCK));
}

static int connect_x(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	r = result(connect(fd, (const struct sockaddr *)&address, sizeof(address)));
	if (r == 0)
		return 0;
	/* Its second socket, which is in no folder. */
	memset(address.sun_path, 0, sizeof(address.sun_path));
	strncpy(address.sun_path + 1, path, sizeof(address.sun_path) - 2);
	return result(connect(fd, (const struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(path))));
}

static int read_file(const char *path)
{
	return result(open(path, O_RDONLY));
}

static int change_system(const char *unused)
{
	static const char *const paths[] = {"/usr/attempt", "/etc/attempt", "/boot/attempt"};
	int r = 0;
	(void)unused;

	for (size_t i = 0; i < 3; i++) {
		r = result(open(paths[i], O_WRONLY | O_CREAT, 0600));
		if (r == 0)
			return result(unlink(paths[i]));
	}
	return r;
}

static int open_network(const char *unused)
{
	struct sockaddr_in6 nobody = {
		.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = in6addr_loopback};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	(void)unused;

	if (fd < 0)
		return errno;
	/* A refusal by the other end is a way out, too. */
	return connect(fd, (const struct sockaddr *)&nobody, sizeof(nobody)) < 0 &&
			       errno != ECONNREFUSED
		       ? errno
		       : 0;
}

static int open_netlink(const char *unused)
{
	(void)unused;
	return result(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int open_packets(const char *unused)
{
	(void)unused;
	return result(socket(AF_PACKET, SOCK_RAW, 0));
}

/* Subscribes as httpd does, and then wants more of the ring than to read it. */
static int write_ring(const char *path)
{
	static struct capsock_buffer buffer;
	const struct capsock_message hello = {.type = CAPSOCK_HELLO,
		.version = CAPSOCK_VERSION,
		.stream = strstr(path, "audio") ? STREAM_PCM : STREAM_JPEG,
		.ring_fd = -1};
	struct capsock_message message = {.ring_fd = -1};
	char name[64];
	int fd = capsock_connect(path), r = 0;

	if (fd < 0)
		return -fd;
	r = capsock_send(fd, CAPSOCK_SUBSCRIBER, &hello);
	while (r == 0 && message.ring_fd < 0) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};

		if (poll(&readable, 1, RING_TIMEOUT_MS) != 1)
			return ETIMEDOUT;
		r = capsock_receive(fd, CAPSOCK_SUBSCRIBER, &buffer, &message);
		if (r == 0 && message.type == CAPSOCK_REFUSED)
			return ECONNREFUSED;
		if (r < 0 || message.type != CAPSOCK_STREAM)
			message.ring_fd = -1;
	}
	if (r < 0)
		return -r;
	if (mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, message.ring_fd, 0) != MAP_FAILED ||
		fchmod(message.ring_fd, 0666) == 0)
		return 0;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", message.ring_fd);
	return result(open(name, O_RDWR));
}

/* --- code --- */

static int write_and_run(const char *unused)
{
	void *page = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)unused;

	return page == MAP_FAILED ? errno : 0;
}

static int write_then_run(const char *unused)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)unused;

	return page == MAP_FAILED ? errno : result(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

/* What dlopen() does. */
static int map_code(int fd)
{
	static const char code[4096] = {(char)0xc3};

	if (write(fd, code, sizeof(code)) != (ssize_t)sizeof(code))
		return errno;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno
											 : 0;
}

static int load_memory(const char *unused)
{
	int fd = memfd_create("attempt", 0);
	(void)unused;

	return fd < 0 ? errno : map_code(fd);
}

static int load_file(const char *folder)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/attempt-%d", folder, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0700);
	if (fd < 0)
		return errno; /* not even that */
	unlink(path);
	return map_code(fd);
}

static int run_shell(const char *unused)
{
	(void)unused;
	execl("/bin/sh", "sh", "-c", "exit 0", NULL);
	return errno;
}

/* --- capabilities --- */

static int become_root(const char *unused)
{
	(void)unused;
	return result(setresuid(0, 0, 0));
}

static int take_capabilities(const char *unused)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{1u << CAP_SYS_ADMIN, 1u << CAP_SYS_ADMIN, 0}};
	(void)unused;

	return result(syscall(SYS_capset, &head, data));
}

static int run_suid(const char *path)
{
	/* Root itself would learn nothing from it. */
	if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return errno;
	execl(path, path, SUID_CHECK, NULL);
	return errno;
}

/* --- siblings --- */

static int trace(const char *pid)
{
	return result(ptrace(PTRACE_SEIZE, atoi(pid), NULL, NULL));
}

static int read_memory_of(const char *pid)
{
	char byte;
	const struct iovec local = {&byte, 1}, remote = {NULL, 1};

	/* That nothing lies there is only said to who may ask. */
	return process_vm_readv(atoi(pid), &local, 1, &remote, 1, 0) < 0 && errno != EFAULT ? errno
											    : 0;
}

static int open_memory_of(const char *pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	return result(open(path, O_RDWR));
}

static int signal_it(const char *pid)
{
	return result(kill(atoi(pid), 0));
}

/* --- the kernel --- */

static int mount_one(const char *unused)
{
	(void)unused;
	return result(mount("attempt", "/mnt", "tmpfs", 0, NULL)) || result(umount("/mnt"));
}

static int new_user_namespace(const char *unused)
{
	(void)unused;
	return result(unshare(CLONE_NEWUSER));
}

static int new_network_namespace(const char *unused)
{
	(void)unused;
	return result(unshare(CLONE_NEWNET));
}

static int keep_key(const char *unused)
{
	(void)unused;
	return result(syscall(SYS_add_key, "user", "attempt", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

static int load_bpf(const char *unused)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
	(void)unused;

	return result(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int watch_all(const char *unused)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK};
	(void)unused;

	return result(syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0));
}

static int open_uring(const char *unused)
{
	uint8_t parameters[120] = {0};
	(void)unused;

	return result(syscall(SYS_io_uring_setup, 1, parameters));
}

static int set_clock(const char *unused)
{
	struct timespec now;
	(void)unused;

	clock_gettime(CLOCK_REALTIME, &now);
	return result(clock_settime(CLOCK_REALTIME, &now));
}

static int set_name(const char *unused)
{
	char name[65] = "";
	(void)unused;

	gethostname(name, sizeof(name) - 1);
	return result(sethostname(name, strlen(name)));
}

static int write_kernel_log(const char *unused)
{
	(void)unused;
	return result(open("/dev/kmsg", O_WRONLY));
}

static const struct {
	const char *what;
	attempt_fn *attempt;
	const char *key; /* NULL: needs none */
} attempts[] = {
	{"open the camera", open_node, "camera"},
	{"open the sound card", open_node, "sound"},
	{"reach the X server", connect_x, "x"},
	{"read another user's file", read_file, "secret"},
	{"change the system's files", change_system, NULL},
	{"open a connection", open_network, NULL},
	{"ask the kernel of networks", open_netlink, NULL},
	{"hear all packets", open_packets, NULL},
	{"write a ring", write_ring, "ring"},
	{"run what it writes", write_and_run, NULL},
	{"run what it has written", write_then_run, NULL},
	{"load code from memory", load_memory, "memory"},
	{"load code from a file in", load_file, "folder"},
	{"run a shell", run_shell, NULL},
	{"become root", become_root, NULL},
	{"take a capability", take_capabilities, NULL},
	{"become root by a program that may", run_suid, "suid"},
	{"trace a sibling", trace, "victim"},
	{"read a sibling's memory", read_memory_of, "victim"},
	{"open a sibling's memory", open_memory_of, "victim"},
	{"signal a sibling", signal_it, "victim"},
	{"mount a file system", mount_one, NULL},
	{"make a user namespace", new_user_namespace, NULL},
	{"make a network namespace", new_network_namespace, NULL},
	{"keep a key in the kernel", keep_key, NULL},
	{"load a BPF map", load_bpf, NULL},
	{"count the kernel's events", watch_all, NULL},
	{"open an io_uring", open_uring, NULL},
	{"set the clock", set_clock, NULL},
	{"name the machine", set_name, NULL},
	{"write the kernel's log", write_kernel_log, NULL},
};

static void make(const char *what, attempt_fn *attempt, const char *value)
{
	const char *space = value ? " " : "", *shown = value ? value : "";
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(attempt(value));
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		printf("broken %s: %s\n", what, strerror(errno));
		return;
	}
	if (WIFSIGNALED(status))
		printf("refused %s%s%s: by signal %d\n", what, space, shown, WTERMSIG(status));
	else if (WEXITSTATUS(status) == 0)
		printf("reached %s%s%s\n", what, space, shown);
	else
		printf("refused %s%s%s: %s\n", what, space, shown, strerror(WEXITSTATUS(status)));
	fflush(stdout);
}

/* As the daemons that begin as root: for good. */
static int become(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (!user || initgroups(name, user->pw_gid) < 0 ||
		setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
		setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0 || geteuid() == 0) {
		printf("broken: could not become %s: %s\n", name, strerror(errno));
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	bool keyed_only = argc > 1 && strcmp(argv[1], "--keyed") == 0;
	int first = keyed_only ? 2 : 1;

	if (argc == 2 && strcmp(argv[1], SUID_CHECK) == 0)
		return geteuid() == 0 ? 0 : EPERM;
	if (argc > 2 && strcmp(argv[1], "--as") == 0) {
		if (geteuid() == 0 && become(argv[2]) < 0)
			return 1;
		first = 3;
	}
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
		const char *key = attempts[i].key;

		if (!key && !keyed_only)
			make(attempts[i].what, attempts[i].attempt, NULL);
		for (int k = first; key && k < argc; k++)
			if (strncmp(argv[k], key, strlen(key)) == 0 && argv[k][strlen(key)] == '=')
				make(attempts[i].what, attempts[i].attempt,
					argv[k] + strlen(key) + 1);
	}
	printf("done\n");
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The UNIX SOCK_SEQPACKET sockets under the API: listening in the place of a dead process but never
 * of a living one, connecting, sending and receiving whole messages. Any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/api/api.h"

#define SOCKET_MODE    0660
#define SOCKET_BACKLOG 16

/* Fills in @sun, or says that the path is too long for a socket. */
static int socket_address(const char *path, struct sockaddr_un *sun, struct base_error *err)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun->sun_path))
		return base_error_set(err, ENAMETOOLONG,
			"%.100s...: too long for a socket, %zu characters are possible (choose a "
			"shorter --runtime directory)",
			path, sizeof(sun->sun_path) - 1);
	base_strlcpy(sun->sun_path, path, sizeof(sun->sun_path));
	return 0;
}

static int connect_failed(const char *path, const char *peer, int errnum, struct base_error *err)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return base_error_set(err, errnum,
			"%s: no such socket: %s is not running here (start it, or check --runtime)",
			path, peer);
	case ECONNREFUSED:
		return base_error_set(err, errnum,
			"%s: nothing answers: %s has ended without removing its socket (start it "
			"again)",
			path, peer);
	case EACCES:
	case EPERM:
		return base_error_set(err, errnum,
			"%s: permission denied (run this as root or as a member of the socket's "
			"group)",
			path);
	case EAGAIN:
		return base_error_set(err, errnum,
			"%s: %s is too busy to take another client (try again)", path, peer);
	default:
		return base_error_set(
			err, errnum, "%s: cannot connect to %s: %s", path, peer, strerror(errnum));
	}
}

int api_connect(const char *path, const char *peer, struct base_error *err)
{
	struct sockaddr_un sun;
	int rc = socket_address(path, &sun, err);
	int fd;

	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return base_error_set(err, errno, "cannot make a socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	rc = connect_failed(path, peer, errno, err);
	close(fd);
	return rc;
}

/* Removes a socket nobody listens on. 0, or a negative errno with a sentence. */
static int remove_stale(const char *path, struct base_error *err)
{
	struct base_error ignored;
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : base_error_set(err, errno, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return base_error_set(err, EEXIST,
			"%s: is in the way and is not a socket (remove it, or choose another "
			"--runtime directory)",
			path);
	fd = api_connect(path, "", &ignored);
	if (fd >= 0 || fd == -EAGAIN || fd == -EPROTOTYPE) {
		if (fd >= 0)
			close(fd);
		return base_error_set(err, EADDRINUSE,
			"%s: another process is running on this socket (stop it first, or give "
			"this node another name or --runtime directory)",
			path);
	}
	if (fd != -ECONNREFUSED)
		return base_error_set(
			err, -fd, "%s: cannot tell whether it is in use: %s", path, strerror(-fd));
	if (unlink(path) < 0 && errno != ENOENT)
		return base_error_set(err, errno, "%s: cannot remove the stale socket: %s", path,
			strerror(errno));
	return 0;
}

/* Locks the directory of @path, so that two starting processes do not remove each other's socket.
 */
static int lock_directory(const char *path, struct base_error *err)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *dir;
	int fd;

	base_strlcpy(copy, path, sizeof(copy));
	dir = dirname(copy);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return base_error_set(err, errno, "%s: cannot open the directory for %s: %s", dir,
			path, strerror(errno));
	if (flock(fd, LOCK_EX) == 0)
		return fd;
	base_error_set(err, errno, "%s: cannot lock the directory: %s", dir, strerror(errno));
	close(fd);
	return -EIO;
}

static int bind_failed(const char *path, int errnum, struct base_error *err)
{
	if (errnum == EACCES || errnum == EPERM)
		return base_error_set(err, errnum,
			"%s: no permission to create the socket (run this as root, or choose "
			"another --runtime directory)",
			path);
	return base_error_set(err, errnum, "%s: cannot listen: %s", path, strerror(errnum));
}

int api_listen(const char *path, struct base_error *err)
{
	struct sockaddr_un sun;
	int rc = socket_address(path, &sun, err);
	int lock, fd;

	if (rc < 0)
		return rc;
	lock = lock_directory(path, err);
	if (lock < 0)
		return lock;
	rc = remove_stale(path, err);
	if (rc < 0) {
		close(lock);
		return rc;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* The mode before bind keeps others out from the first moment; umask may only narrow it. */
	if (fd < 0 || fchmod(fd, SOCKET_MODE) < 0 ||
		bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
		chmod(path, SOCKET_MODE) < 0 || listen(fd, SOCKET_BACKLOG) < 0) {
		rc = bind_failed(path, errno, err);
		if (fd >= 0)
			close(fd);
		fd = rc;
	}
	close(lock);
	return fd;
}

static int send_parts(int fd, struct iovec *iov, size_t n)
{
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
	ssize_t rc;

	do
		rc = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

/* Length of the fixed part of the message with header @hdr; negative errno for an unknown type. */
static int body_bytes(const struct api_header *hdr)
{
	const struct api_row *row = api_row_find(hdr->type);

	if (!row)
		return -EPROTO;
	if (hdr->status < 0)
		return sizeof(struct base_error);
	return hdr->flags ? row->reply_bytes : row->request_bytes;
}

int api_send(int fd, struct api_header *hdr, const void *body, const void *items, size_t items_len)
{
	int body_len = body_bytes(hdr);
	struct iovec iov[] = {
		{.iov_base = hdr, .iov_len = sizeof(*hdr)},
		{.iov_base = (void *)(uintptr_t)body, .iov_len = (size_t)body_len},
		{.iov_base = (void *)(uintptr_t)items, .iov_len = items_len},
	};

	if (body_len < 0)
		return body_len;
	if (items_len > API_MSG_MAX_BYTES ||
		sizeof(*hdr) + (size_t)body_len + items_len > API_MSG_MAX_BYTES)
		return -EMSGSIZE;
	hdr->length_bytes = (uint32_t)(sizeof(*hdr) + (size_t)body_len + items_len);
	return send_parts(fd, iov, ARRAY_SIZE(iov));
}

int api_send_whole(int fd, const struct api_header *msg)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)msg, .iov_len = msg->length_bytes};

	return msg->length_bytes > API_MSG_MAX_BYTES ? -EMSGSIZE : send_parts(fd, &iov, 1);
}

int api_recv(int fd, void *buf, struct base_error *err)
{
	struct iovec iov = {.iov_base = buf, .iov_len = API_MSG_MAX_BYTES};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	int rc;

	/* Who closed without reading all we sent may have said why: that comes after this error. */
	if (n < 0 && errno == ECONNRESET)
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	if (n == 0)
		return 0;
	if (n < 0)
		return base_error_set(err, errno, "cannot receive: %s", strerror(errno));
	if (msg.msg_flags & MSG_TRUNC)
		return base_error_set(
			err, EBADMSG, "message of more than %u bytes", API_MSG_MAX_BYTES);
	rc = api_check(buf, (size_t)n, err);
	return rc < 0 ? -EBADMSG : (int)n;
}

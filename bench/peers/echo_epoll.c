/* An echo server in C: one thread, level-triggered epoll, non-blocking sockets. */
#include "common.h"
#include <sys/epoll.h>

#define BATCH 256

struct conn {
	int fd;
	/* What the peer has not taken yet: only then is there memory for it, and only then do we stop reading. */
	uint8_t *rest;
	size_t rest_from, rest_to;
};

static int epoll_fd, listener;
static uint8_t buffer[65536];

static void watch(int op, int fd, uint32_t events, void *data)
{
	struct epoll_event event = {.events = events, .data.ptr = data};
	if (epoll_ctl(epoll_fd, op, fd, &event))
		die("epoll_ctl");
}

static void drop(struct conn *conn)
{
	close(conn->fd); /* never duplicated, so epoll forgets it too */
	free(conn->rest);
	free(conn);
}

static void accept_all(void)
{
	int fd;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *conn = calloc(1, sizeof *conn);
		if (!conn)
			die("calloc");
		conn->fd = fd;
		no_delay(fd);
		watch(EPOLL_CTL_ADD, fd, EPOLLIN, conn);
	}
	if (errno != EAGAIN && errno != ECONNABORTED)
		die("accept4");
}

static void keep_rest(struct conn *conn, size_t from, size_t to)
{
	conn->rest = malloc(to - from);
	if (!conn->rest)
		die("malloc");
	memcpy(conn->rest, buffer + from, to - from);
	conn->rest_from = 0;
	conn->rest_to = to - from;
	watch(EPOLL_CTL_MOD, conn->fd, EPOLLOUT, conn);
}

static void on_readable(struct conn *conn)
{
	ssize_t n = recv(conn->fd, buffer, sizeof buffer, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			drop(conn);
		return;
	}
	ssize_t sent = send(conn->fd, buffer, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		drop(conn);
	else if (sent < n)
		keep_rest(conn, sent < 0 ? 0 : (size_t)sent, (size_t)n);
}

static void on_writable(struct conn *conn)
{
	ssize_t sent = send(conn->fd, conn->rest + conn->rest_from, conn->rest_to - conn->rest_from, MSG_NOSIGNAL);
	if (sent < 0) {
		if (errno != EAGAIN)
			drop(conn);
		return;
	}
	conn->rest_from += (size_t)sent;
	if (conn->rest_from == conn->rest_to) {
		free(conn->rest);
		conn->rest = NULL;
		watch(EPOLL_CTL_MOD, conn->fd, EPOLLIN, conn);
	}
}

int main(void)
{
	struct epoll_event events[BATCH];
	raise_fd_limit();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		die("epoll_create1");
	listener = listen_on_loopback(SOCK_NONBLOCK);
	watch(EPOLL_CTL_ADD, listener, EPOLLIN, &listener);
	watch(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, NULL);
	for (;;) {
		int ready = epoll_wait(epoll_fd, events, BATCH, -1);
		if (ready < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < ready; i++) {
			if (events[i].data.ptr == NULL)
				answer_harness();
			else if (events[i].data.ptr == &listener)
				accept_all();
			else if (((struct conn *)events[i].data.ptr)->rest)
				on_writable(events[i].data.ptr);
			else
				on_readable(events[i].data.ptr);
		}
	}
}

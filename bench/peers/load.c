/* The load generator: the same for every server. Runs for two minutes at most. */
#include "common.h"
#include <sys/epoll.h>

#define MAX_CONNECTIONS 60000u
#define MAX_REQUESTS 10000000u
#define MAX_SIZE 16384u /* below every socket buffer: one message in flight never blocks */

/* A request is `size` bytes of this from an offset that depends on connection and turn. */
static uint8_t pattern[256 + MAX_SIZE];

struct conn {
	int fd;
	uint32_t turn;
	size_t got; /* bytes of the running echo that have come back */
	const uint8_t *message;
	uint64_t sent_at;
};

static void send_next(struct conn *conn, uint32_t index, size_t size, uint64_t now)
{
	conn->message = pattern + ((index * 31u + conn->turn++ * 17u) & 255u);
	conn->got = 0;
	conn->sent_at = now;
	ssize_t n = send(conn->fd, conn->message, size, MSG_NOSIGNAL);
	if (n < 0)
		die("send");
	if ((size_t)n != size)
		fail("send took less than one message");
}

/* Takes what has come back. True when the echo is whole; a wrong byte ends the program. */
static int receive(struct conn *conn, size_t size, int flags)
{
	uint8_t bytes[MAX_SIZE + 1];
	ssize_t n = recv(conn->fd, bytes, size - conn->got + 1, flags);
	if (n < 0) {
		if (errno == EAGAIN)
			return 0;
		die("recv");
	}
	if (n == 0)
		fail("the server closed the connection before the echo was whole");
	if ((size_t)n > size - conn->got)
		fail("the server sent more than it got");
	if (memcmp(bytes, conn->message + conn->got, (size_t)n))
		fail("the echo differs from what was sent");
	conn->got += (size_t)n;
	return conn->got == size;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void print_times(uint32_t *times_ns, uint32_t count, double seconds)
{
	double sum = 0;
	for (uint32_t i = 0; i < count; i++)
		sum += times_ns[i];
	qsort(times_ns, count, sizeof *times_ns, by_value);
	printf("{\"requests\":%u,\"seconds\":%.6f,\"p50Us\":%.3f,\"p99Us\":%.3f,\"meanUs\":%.3f}\n", count, seconds,
	       times_ns[count / 2] / 1e3, times_ns[(uint64_t)count * 99 / 100] / 1e3, sum / count / 1e3);
}

static uint32_t *times_for(uint32_t count)
{
	uint32_t *times_ns = malloc(count * sizeof *times_ns);
	if (!times_ns || !count)
		fail("expected at least one request");
	return times_ns;
}

static uint32_t elapsed(uint64_t from, uint64_t to)
{
	return to - from > UINT32_MAX ? UINT32_MAX : (uint32_t)(to - from);
}

/* Closed loops: every connection has one request under way until `requests` are answered. */
static double echo_round(int epoll_fd, struct conn *conns, uint32_t count, uint32_t requests, size_t size,
			 uint32_t *times_ns)
{
	struct epoll_event events[256];
	uint32_t issued = 0, done = 0;
	uint64_t began = now_ns();
	for (; issued < count && issued < requests; issued++)
		send_next(&conns[issued], issued, size, now_ns());
	while (done < requests) {
		int ready = epoll_wait(epoll_fd, events, 256, 10000);
		if (ready < 0)
			die("epoll_wait");
		if (ready == 0)
			fail("no echo for 10 s");
		for (int i = 0; i < ready; i++) {
			uint32_t index = events[i].data.u32;
			struct conn *conn = &conns[index];
			if (!receive(conn, size, MSG_DONTWAIT))
				continue;
			uint64_t now = now_ns();
			times_ns[done++] = elapsed(conn->sent_at, now);
			if (issued < requests) {
				send_next(conn, index, size, now);
				issued++;
			}
		}
	}
	return (double)(now_ns() - began) / 1e9;
}

static void echo(uint16_t port, uint32_t count, uint32_t requests, size_t size)
{
	uint32_t *times_ns = times_for(requests);
	struct conn *conns = calloc(count, sizeof *conns);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!conns || epoll_fd < 0)
		die("epoll_create1");
	for (uint32_t i = 0; i < count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
		conns[i].fd = connect_to_loopback(port, i);
		no_delay(conns[i].fd);
		reset_on_close(conns[i].fd);
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conns[i].fd, &event))
			die("epoll_ctl");
	}
	echo_round(epoll_fd, conns, count, requests / 4 + 1, size, times_ns);
	wait_for_go();
	print_times(times_ns, requests, echo_round(epoll_fd, conns, count, requests, size, times_ns));
	wait_for_end();
}

static void ping(struct conn *conn, uint32_t index, size_t size)
{
	send_next(conn, index, size, now_ns());
	while (!receive(conn, size, 0))
		;
}

static void rtt(uint16_t port, uint32_t count, size_t size)
{
	uint32_t *times_ns = times_for(count);
	struct conn conn = {.fd = connect_to_loopback(port, 0)};
	no_delay(conn.fd);
	for (uint32_t i = 0; i < count / 4; i++)
		ping(&conn, 0, size);
	wait_for_go();
	uint64_t began = now_ns();
	for (uint32_t i = 0; i < count; i++) {
		ping(&conn, 0, size);
		times_ns[i] = elapsed(conn.sent_at, now_ns());
	}
	print_times(times_ns, count, (double)(now_ns() - began) / 1e9);
	wait_for_end();
}

static void connect_and_close(uint16_t port)
{
	close(connect_to_loopback(port, 0));
}

/* Waits until the server has closed too, so that its work for this connection is done and counted. */
static void connect_and_see_closed(uint16_t port)
{
	char byte;
	int fd = connect_to_loopback(port, 0);
	if (shutdown(fd, SHUT_WR))
		die("shutdown");
	ssize_t n = recv(fd, &byte, 1, 0);
	if (n < 0)
		die("recv");
	if (n > 0)
		fail("the server sent a byte that it never got");
	close(fd);
}

static void connects(uint16_t port, uint32_t count, void (*once)(uint16_t))
{
	for (uint32_t i = 0; i < count / 4; i++)
		once(port);
	wait_for_go();
	uint64_t began = now_ns();
	for (uint32_t i = 0; i < count; i++)
		once(port);
	printf("{\"connections\":%u,\"seconds\":%.6f}\n", count, (double)(now_ns() - began) / 1e9);
	wait_for_end();
}

/* Every connection is used once before it idles: whatever the server allocates on first use is there. */
static void idle(uint16_t port, uint32_t count)
{
	wait_for_go();
	for (uint32_t i = 0; i < count; i++) {
		struct conn conn = {.fd = connect_to_loopback(port, i)};
		reset_on_close(conn.fd);
		ping(&conn, i, 64);
	}
	printf("{\"connections\":%u}\n", count);
	wait_for_end();
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	alarm(120);
	raise_fd_limit();
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (uint8_t)(i * 7 + i / 256);
	if (argc < 4) {
		fputs("usage: load echo PORT CONNECTIONS REQUESTS SIZE | rtt PORT COUNT SIZE\n"
		      "       load connects PORT COUNT | accepts PORT COUNT | idle PORT COUNT\n", stderr);
		return 2;
	}
	uint16_t port = (uint16_t)number(argv[2], 65535);
	if (!strcmp(mode, "echo") && argc == 6)
		echo(port, (uint32_t)number(argv[3], MAX_CONNECTIONS), (uint32_t)number(argv[4], MAX_REQUESTS),
		     number(argv[5], MAX_SIZE));
	else if (!strcmp(mode, "rtt") && argc == 5)
		rtt(port, (uint32_t)number(argv[3], MAX_REQUESTS), number(argv[4], MAX_SIZE));
	else if (!strcmp(mode, "connects") && argc == 4)
		connects(port, (uint32_t)number(argv[3], MAX_CONNECTIONS), connect_and_close);
	else if (!strcmp(mode, "accepts") && argc == 4)
		connects(port, (uint32_t)number(argv[3], MAX_CONNECTIONS), connect_and_see_closed);
	else if (!strcmp(mode, "idle") && argc == 4)
		idle(port, (uint32_t)number(argv[3], MAX_CONNECTIONS));
	else
		fail("load: unknown mode or wrong number of arguments");
	return 0;
}

/* A UDP receiver in C: non-blocking, with epoll. `udp_receive one|batch|gro RECEIVE-BUFFER GATE BURST`: one recvfrom(2)
   for each datagram, recvmmsg(2) for up to 64, or that for up to 16 messages with UDP_GRO, each of many datagrams of one peer. */
#include "udp.h"
#include <fcntl.h>
#include <sys/epoll.h>

static uint64_t datagrams, bytes, ports;
static int gate;
static uint64_t burst, gate_at; /* in datagrams */

/* Waits until the next burst is there. When the load has ended, there is none to wait for any more. */
static void wait_at_gate(void)
{
	char byte;
	ssize_t n = read(gate, &byte, 1);
	if (n < 0)
		die("the gate");
	gate_at = n == 0 ? UINT64_MAX : gate_at + burst;
}

/* What every receiver does with a datagram: looks at its length and its sender. */
static inline void take(size_t length, const struct sockaddr_in *from)
{
	datagrams++;
	bytes += length;
	ports += ntohs(from->sin_port);
	if (datagrams == gate_at)
		wait_at_gate();
}

static void one(int fd)
{
	static uint8_t data[MAX_DATAGRAM];
	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &len);
		if (n < 0) {
			if (errno == EAGAIN)
				return;
			die("recvfrom");
		}
		take((size_t)n, &from);
	}
}

/* With UDP_GRO the kernel says how long each datagram of the message is but the last; without, it is one. */
static size_t segment_size(struct msghdr *message, size_t length)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			int size;
			memcpy(&size, CMSG_DATA(c), sizeof size);
			return (size_t)size;
		}
	}
	return length;
}

static void batch(int fd, uint32_t room, size_t slot)
{
	static uint8_t *data;
	static struct iovec iovs[BATCH];
	static struct sockaddr_in from[BATCH];
	static struct {
		_Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control[BATCH];
	static struct mmsghdr messages[BATCH];
	if (!data && !(data = malloc(room * slot)))
		die("malloc");
	for (;;) {
		for (uint32_t i = 0; i < room; i++) {
			iovs[i] = (struct iovec){data + i * slot, slot};
			messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
							      .msg_namelen = sizeof from[i],
							      .msg_iov = &iovs[i],
							      .msg_iovlen = 1,
							      .msg_control = &control[i],
							      .msg_controllen = sizeof control[i]};
		}
		int n = recvmmsg(fd, messages, room, 0, NULL);
		if (n < 0) {
			if (errno == EAGAIN)
				return;
			die("recvmmsg");
		}
		for (int i = 0; i < n; i++) {
			size_t left = messages[i].msg_len, size = segment_size(&messages[i].msg_hdr, left);
			for (; left > size; left -= size)
				take(size, &from[i]);
			take(left, &from[i]);
		}
		if (n < (int)room)
			return;
	}
}

/* "report": the numbers so far. The end of stdin ends the program. */
static void answer(void)
{
	char line[64];
	ssize_t n = read(STDIN_FILENO, line, sizeof line);
	if (n < 0)
		die("stdin");
	if (n == 0)
		exit(0);
	printf("{\"datagrams\":%llu,\"bytes\":%llu,\"ports\":%llu}\n", (unsigned long long)datagrams,
	       (unsigned long long)bytes, (unsigned long long)ports);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const char *mode = argc == 5 ? argv[1] : "";
	int gro = !strcmp(mode, "gro"), single = !strcmp(mode, "one");
	if (!gro && !single && strcmp(mode, "batch"))
		fail("usage: udp_receive one|batch|gro RECEIVE-BUFFER GATE BURST");
	int fd = receiver_on_loopback(SOCK_NONBLOCK, (int)number(argv[2], 1 << 30), gro);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd}, ready[2];
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
		die("epoll");
	event.data.fd = STDIN_FILENO;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event))
		die("epoll_ctl");
	burst = number(argv[4], MAX_DATAGRAMS);
	gate = open(argv[3], O_RDONLY | O_CLOEXEC); /* waits for the load to open it */
	if (gate < 0)
		die(argv[3]);
	wait_at_gate();
	for (;;) {
		int count = epoll_wait(epoll_fd, ready, 2, -1);
		if (count < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < count; i++) {
			if (ready[i].data.fd == STDIN_FILENO)
				answer();
			else if (single)
				one(fd);
			else if (gro)
				batch(fd, 16, 65536);
			else
				batch(fd, BATCH, 2048);
		}
	}
}

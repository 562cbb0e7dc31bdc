/* What the C peers share: failing loudly, sockets on loopback, the clock, the lines spoken with the harness. */
#ifndef WINDSOCK_BENCH_COMMON_H
#define WINDSOCK_BENCH_COMMON_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A system call failed: says why. */
static inline _Noreturn void die(const char *call)
{
	perror(call);
	exit(1);
}

/* Something else is wrong. */
static inline _Noreturn void fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static inline uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* A whole number from 0 to max, or the end of the program. */
static inline uint64_t number(const char *text, uint64_t max)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || end == text || *end || value > max) {
		fprintf(stderr, "expected a number up to %llu, got \"%s\"\n", (unsigned long long)max, text);
		exit(2);
	}
	return value;
}

static inline void raise_fd_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("setrlimit");
}

static inline void no_delay(int fd)
{
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)))
		die("TCP_NODELAY");
}

/* Makes close() send a reset: no TIME_WAIT is left on either side. */
static inline void reset_on_close(int fd)
{
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)))
		die("SO_LINGER");
}

/* Listens on 127.0.0.1 and tells the harness where. type_flags: 0 or SOCK_NONBLOCK. */
static inline int listen_on_loopback(int type_flags)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type_flags, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len))
		die("listen on 127.0.0.1");
	printf("%u\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

/* 20 000 connections from each of 127.0.1.1, 127.0.1.2, …: fewer than one address has ephemeral ports. */
static inline int connect_to_loopback(uint16_t port, uint32_t index)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000101u + index / 20000u)};
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int)) ||
	    bind(fd, (struct sockaddr *)&from, sizeof from))
		die("bind to a source address");
	if (connect(fd, (struct sockaddr *)&to, sizeof to))
		die("connect");
	return fd;
}

/* A server's side of the talk: to be called when stdin is readable. */
static inline void answer_harness(void)
{
	char line[64];
	ssize_t n = read(STDIN_FILENO, line, sizeof line);
	if (n < 0)
		die("stdin");
	if (n == 0)
		exit(0);
	puts("gc"); /* nothing to collect in C; Node's servers do it here */
	fflush(stdout);
}

/* A client's side of the talk: warmed up, waits to be told to go. */
static inline void wait_for_go(void)
{
	char byte;
	puts("ready");
	fflush(stdout);
	do {
		ssize_t n = read(STDIN_FILENO, &byte, 1);
		if (n <= 0)
			exit(1);
	} while (byte != '\n');
}

/* Keeps everything open until the harness has read what it wants to know. */
static inline void wait_for_end(void)
{
	char bytes[64];
	fflush(stdout);
	while (read(STDIN_FILENO, bytes, sizeof bytes) > 0)
		;
}

#endif

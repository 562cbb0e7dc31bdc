/* What the UDP peers share: sockets on loopback, segmentation, what the kernel says of a socket's queue. */
#ifndef WINDSOCK_BENCH_UDP_H
#define WINDSOCK_BENCH_UDP_H

#include "common.h"
#include <netinet/udp.h>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO 104
#endif

#define BATCH 64u	      /* datagrams, or segmented messages, in one system call */
#define MAX_DATAGRAM 1472u    /* what an Ethernet frame carries */
#define MAX_MESSAGE 65507u    /* what an IPv4 packet carries, segmented or not */
#define MAX_SEGMENTS 64u      /* UDP_MAX_SEGMENTS of every kernel that has UDP_SEGMENT */
#define MAX_DATAGRAMS 100000000u

static inline uint32_t segments_for(size_t size)
{
	return MAX_MESSAGE / size < MAX_SEGMENTS ? (uint32_t)(MAX_MESSAGE / size) : MAX_SEGMENTS;
}

static inline void set_int(int fd, int level, int option, int value, const char *name)
{
	if (setsockopt(fd, level, option, &value, sizeof value))
		die(name);
}

/* Binds to 127.0.0.1 and tells the harness where. type_flags: 0 or SOCK_NONBLOCK. */
static inline int receiver_on_loopback(int type_flags, int receive_buffer, int gro)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof addr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | type_flags, 0);
	if (fd < 0)
		die("socket");
	if (receive_buffer)
		set_int(fd, SOL_SOCKET, SO_RCVBUF, receive_buffer, "SO_RCVBUF");
	if (gro)
		set_int(fd, SOL_UDP, UDP_GRO, 1, "UDP_GRO");
	if (bind(fd, (struct sockaddr *)&addr, sizeof addr) || getsockname(fd, (struct sockaddr *)&addr, &len))
		die("bind to 127.0.0.1");
	printf("%u\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

/* A socket that sends to that port of 127.0.0.1 only. */
static inline int sender_on_loopback(uint16_t port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to))
		die("connect to 127.0.0.1");
	return fd;
}

#endif

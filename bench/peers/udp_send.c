/* A UDP sender in C: `udp_send one|batch|gso PORT SIZE WARM-UP DATAGRAMS`: a connected socket and one send(2) for each
   datagram, sendmmsg(2) for 64, or that with UDP_SEGMENT, where the kernel makes the 64 of as few messages as it can. */
#include "udp.h"

static int fd;
static uint8_t data[MAX_MESSAGE];
static struct iovec iovs[BATCH];
static struct mmsghdr messages[BATCH];

/* Puts 64 datagrams into messages of `segments` datagrams each. Returns how many messages that takes. */
static uint32_t fill(size_t size, uint32_t segments)
{
	uint32_t count = 0;
	for (uint32_t left = BATCH, now; left > 0; left -= now) {
		now = left < segments ? left : segments;
		iovs[count] = (struct iovec){data, now * size};
		messages[count].msg_hdr = (struct msghdr){.msg_iov = &iovs[count], .msg_iovlen = 1};
		count++;
	}
	return count;
}

static void send_one_by_one(size_t size, uint64_t datagrams)
{
	for (uint64_t i = 0; i < datagrams; i++)
		if (send(fd, data, size, 0) != (ssize_t)size)
			die("send");
}

static void send_batches(uint32_t count, uint64_t datagrams)
{
	for (uint64_t sent = 0; sent < datagrams; sent += BATCH)
		if (sendmmsg(fd, messages, count, 0) != (int)count)
			die("sendmmsg");
}

int main(int argc, char **argv)
{
	const char *mode = argc == 6 ? argv[1] : "";
	int one = !strcmp(mode, "one"), gso = !strcmp(mode, "gso");
	alarm(120);
	if (!one && !gso && strcmp(mode, "batch"))
		fail("usage: udp_send one|batch|gso PORT SIZE WARM-UP DATAGRAMS");
	fd = sender_on_loopback((uint16_t)number(argv[2], 65535));
	size_t size = number(argv[3], MAX_DATAGRAM);
	uint64_t counts[2] = {number(argv[4], MAX_DATAGRAMS), number(argv[5], MAX_DATAGRAMS)};
	if (gso)
		set_int(fd, SOL_UDP, UDP_SEGMENT, (int)size, "UDP_SEGMENT");
	uint32_t count = fill(size, gso ? segments_for(size) : 1);
	for (int i = 0; i < 2; i++) {
		if (i)
			wait_for_go();
		if (one)
			send_one_by_one(size, counts[i]);
		else
			send_batches(count, counts[i]);
	}
	printf("{\"datagrams\":%llu}\n", (unsigned long long)counts[1]);
	wait_for_end();
}

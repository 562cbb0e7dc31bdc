/* The load of every UDP receiver: bursts that wait in its socket before it reads the first of them.

   `udp_load PORT GATE BURST SIZE SEGMENTS WARM-UP DATAGRAMS`

   A receiver that sleeps and wakes between datagrams costs what its timing makes it cost. So after every BURST messages
   it waits for a byte from the pipe GATE, which comes when the next burst is there: none is dropped, none is waited for. */
#include "udp.h"
#include <fcntl.h>

static uint16_t port;
static int gate, fd;
static struct mmsghdr messages[BATCH];
static uint8_t pattern[MAX_MESSAGE];

struct queue {
	unsigned long bytes; /* kernel memory of the datagrams that wait, overhead included */
	unsigned long drops;
};

/* proc_pid_net(5): /proc/net/udp. It is read in pieces, and leaves sockets out while others come and go. */
static struct queue receive_queue(void)
{
	for (int tries = 0; tries < 100; tries++) {
		char line[256];
		FILE *file = fopen("/proc/net/udp", "r");
		if (!file)
			die("/proc/net/udp");
		while (fgets(line, sizeof line, file)) {
			struct queue queue;
			unsigned local, remote;
			if (sscanf(line, "%*d: 0100007F:%X %*X:%X %*X %*X:%lX %*s %*s %*s %*s %*s %*s %*s %lu", &local, &remote,
				   &queue.bytes, &queue.drops) == 4 &&
			    local == port && remote == 0) {
				fclose(file);
				if (queue.drops)
					fail("the receiver's socket has dropped datagrams");
				return queue;
			}
		}
		fclose(file);
	}
	fail("/proc/net/udp does not show the receiver's socket");
}

static void send_messages(uint32_t count)
{
	while (count > 0) {
		int sent = sendmmsg(fd, messages, count < BATCH ? count : BATCH, 0);
		if (sent < 0)
			die("sendmmsg");
		count -= (uint32_t)sent;
	}
}

static void wait_until_drained(void)
{
	uint64_t began = now_ns();
	while (receive_queue().bytes) {
		usleep(100);
		if (now_ns() - began > 10000000000u)
			fail("the receiver has not read a burst for 10 s");
	}
}

/* Whole bursts, and no fewer messages than asked for. Returns how many they were. */
static uint64_t bursts(uint32_t size, uint64_t at_least)
{
	uint64_t sent = 0;
	for (; sent < at_least; sent += size) {
		send_messages(size);
		if (write(gate, "", 1) != 1)
			die("the gate");
		wait_until_drained();
	}
	return sent;
}

int main(int argc, char **argv)
{
	struct sockaddr_in self;
	socklen_t len = sizeof self;
	alarm(120);
	if (argc != 8)
		fail("usage: udp_load PORT GATE BURST SIZE SEGMENTS WARM-UP DATAGRAMS");
	port = (uint16_t)number(argv[1], 65535);
	uint32_t burst = (uint32_t)number(argv[3], 1000000);
	size_t size = number(argv[4], MAX_DATAGRAM);
	uint64_t warm_up = number(argv[6], MAX_DATAGRAMS), datagrams = number(argv[7], MAX_DATAGRAMS);
	uint32_t segments = (uint32_t)number(argv[5], MAX_SEGMENTS);

	gate = open(argv[2], O_WRONLY | O_CLOEXEC); /* waits for the receiver to open it */
	if (gate < 0)
		die(argv[2]);
	if (!burst || !size || !segments || size * segments > MAX_MESSAGE)
		fail("udp_load: expected datagrams that fit into a message");
	struct iovec iov = {pattern, size * segments};
	fd = sender_on_loopback(port);
	if (getsockname(fd, (struct sockaddr *)&self, &len))
		die("getsockname");
	if (segments > 1)
		set_int(fd, SOL_UDP, UDP_SEGMENT, (int)size, "UDP_SEGMENT");
	for (uint32_t i = 0; i < BATCH; i++)
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};

	uint64_t warm = bursts(burst, warm_up / segments);
	wait_for_go();
	uint64_t sent = bursts(burst, datagrams / segments);
	printf("{\"datagrams\":%llu,\"total\":%llu,\"port\":%u}\n", (unsigned long long)sent * segments,
	       (unsigned long long)(warm + sent) * segments, ntohs(self.sin_port));
	wait_for_end();
}

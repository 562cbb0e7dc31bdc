/* Where the UDP senders send to: a socket that nobody reads. When asked, what has come to it: `udp_sink SIZE`.

   On loopback a datagram is delivered in the sender's own system call. A full socket drops it there, always at the same
   cost; a reader would make the sender pay for waking it, now and then, and share its caches. UDP_GRO lets a segmented
   message through in one piece, as a network card would take it; else the sender would also pay for cutting it up. */
#include "udp.h"
#include <linux/sock_diag.h>
#include <sys/param.h>

static size_t size;

/* Datagrams in the first message that waits. */
static uint64_t datagrams_waiting(int fd)
{
	static uint8_t data[65536];
	ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);
	if (n < 0) {
		if (errno == EAGAIN)
			return 0;
		die("recv");
	}
	if (n == 0 || (size_t)n % size)
		fail("a message has come that is no whole number of datagrams");
	return (uint64_t)n / size;
}

int main(int argc, char **argv)
{
	char line[64];
	if (argc != 2 || !(size = number(argv[1], MAX_DATAGRAM)))
		fail("usage: udp_sink SIZE");
	int fd = receiver_on_loopback(0, 0, 1);
	while (read(STDIN_FILENO, line, sizeof line) > 0) {
		uint32_t memory[SK_MEMINFO_VARS];
		socklen_t len = sizeof memory;
		uint64_t messages = 0, most = 0, n;
		if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len))
			die("SO_MEMINFO");
		while ((n = datagrams_waiting(fd))) {
			messages++;
			most = MAX(most, n);
		}
		printf("{\"messages\":%llu,\"datagramsInLargest\":%llu}\n",
		       (unsigned long long)messages + memory[SK_MEMINFO_DROPS], (unsigned long long)most);
		fflush(stdout);
	}
	return 0;
}

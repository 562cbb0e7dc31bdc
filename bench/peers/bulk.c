/* Bulk transfer in C with blocking calls: `bulk sink WARM-UP` and `bulk send PORT WARM-UP BYTES`. */
#include "common.h"

static uint8_t buffer[65536];

static void send_bytes(int fd, uint64_t left)
{
	while (left > 0) {
		ssize_t n = send(fd, buffer, left < sizeof buffer ? left : sizeof buffer, MSG_NOSIGNAL);
		if (n < 0)
			die("send");
		left -= (uint64_t)n;
	}
}

/* The sink's one byte: it has all of the warm-up. */
static void wait_until_warm(int fd)
{
	char byte;
	if (recv(fd, &byte, 1, 0) != 1)
		fail("the sink did not confirm the warm-up");
}

static void send_side(uint16_t port, uint64_t warm_up, uint64_t bytes)
{
	char byte;
	int fd = connect_to_loopback(port, 0);
	no_delay(fd);
	send_bytes(fd, warm_up);
	wait_until_warm(fd);
	wait_for_go();
	uint64_t began = now_ns();
	send_bytes(fd, bytes);
	if (shutdown(fd, SHUT_WR))
		die("shutdown");
	if (recv(fd, &byte, 1, 0) != 0)
		fail("the sink did not close");
	printf("{\"bytes\":%llu,\"seconds\":%.6f}\n", (unsigned long long)bytes, (double)(now_ns() - began) / 1e9);
	wait_for_end();
}

static void sink_side(uint64_t warm_up)
{
	uint64_t total = 0;
	int warm = 0;
	int fd = accept4(listen_on_loopback(0), NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		die("accept4");
	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof buffer, 0);
		if (n < 0)
			die("recv");
		if (n == 0)
			break;
		total += (uint64_t)n;
		if (!warm && total >= warm_up) {
			warm = 1;
			if (send(fd, "", 1, MSG_NOSIGNAL) != 1)
				die("send");
		}
	}
	close(fd);
	printf("{\"bytes\":%llu}\n", (unsigned long long)total);
	wait_for_end();
}

int main(int argc, char **argv)
{
	const uint64_t most = 1ull << 40;
	alarm(120);
	if (argc == 3 && !strcmp(argv[1], "sink"))
		sink_side(number(argv[2], most));
	else if (argc == 5 && !strcmp(argv[1], "send"))
		send_side((uint16_t)number(argv[2], 65535), number(argv[3], most), number(argv[4], most));
	else
		fail("usage: bulk sink WARM-UP | bulk send PORT WARM-UP BYTES");
	return 0;
}

/* What reading and writing a socket option costs in C: `options CALLS`. */
#include "common.h"

#define PASSES 9

static int fd;
static uint32_t calls;

static uint64_t cpu_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void write_option(int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof value))
		die("setsockopt");
}

static int read_option(int level, int option)
{
	int value;
	socklen_t len = sizeof value;
	if (getsockopt(fd, level, option, &value, &len))
		die("getsockopt");
	return value;
}

static void write_no_delay(uint32_t turn)
{
	write_option(IPPROTO_TCP, TCP_NODELAY, turn & 1);
}

static void read_no_delay(uint32_t turn)
{
	(void)turn;
	if (read_option(IPPROTO_TCP, TCP_NODELAY) != 1)
		fail("TCP_NODELAY has another value than was written");
}

static void write_rcvbuf(uint32_t turn)
{
	write_option(SOL_SOCKET, SO_RCVBUF, turn & 1 ? 65536 : 32768);
}

static void read_rcvbuf(uint32_t turn)
{
	(void)turn;
	if (read_option(SOL_SOCKET, SO_RCVBUF) != 131072) /* the kernel doubles it */
		fail("SO_RCVBUF has another value than was written");
}

static void read_info(uint32_t turn)
{
	(void)turn;
	uint8_t info[512]; /* the kernel's struct has more than the C library's */
	socklen_t len = sizeof info;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len))
		die("TCP_INFO");
	if (info[0] != TCP_ESTABLISHED) /* tcpi_state */
		fail("the connection is not established");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Median of several passes, in ns for each call. The last turn is odd. */
static double cost(void (*once)(uint32_t))
{
	double passes[PASSES];
	for (int pass = 0; pass < PASSES; pass++) {
		uint64_t began = cpu_ns();
		for (uint32_t turn = 0; turn < calls; turn++)
			once(turn);
		passes[pass] = (double)(cpu_ns() - began) / calls;
	}
	qsort(passes, PASSES, sizeof *passes, by_value);
	return passes[PASSES / 2];
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof addr;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (argc != 2 || !(calls = (uint32_t)number(argv[1], 10000000) & ~1u))
		fail("usage: options CALLS");
	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, sizeof addr) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&addr, &len))
		die("listen on 127.0.0.1");
	fd = connect_to_loopback(ntohs(addr.sin_port), 0);
	wait_for_go();
	double write_nd = cost(write_no_delay), read_nd = cost(read_no_delay);
	double write_rb = cost(write_rcvbuf), read_rb = cost(read_rcvbuf), info = cost(read_info);
	printf("{\"writeNoDelay\":%.1f,\"readNoDelay\":%.1f,\"writeRcvbuf\":%.1f,\"readRcvbuf\":%.1f,\"readInfo\":%.1f}\n",
	       write_nd, read_nd, write_rb, read_rb, info);
	wait_for_end();
}

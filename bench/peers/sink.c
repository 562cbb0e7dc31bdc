/* Accepts connections one after the other and reads each to its end: what the connecting clients connect to. */
#include "common.h"
#include <poll.h>

int main(void)
{
	char bytes[4096];
	int fd, listener = listen_on_loopback(SOCK_NONBLOCK);
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
	/* Accepted sockets inherit it. The client closes first; the reset that answers its FIN ends its TIME_WAIT, so
	   no port runs out. */
	reset_on_close(listener);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			die("poll");
		if (fds[0].revents)
			answer_harness();
		while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
			while (recv(fd, bytes, sizeof bytes, 0) > 0)
				;
			close(fd);
		}
		if (errno != EAGAIN && errno != ECONNABORTED)
			die("accept4");
	}
}

/* Holds connected TCP sockets on loopback while a program runs: pairs COUNT PROGRAM [ARG...]. COUNT sockets are COUNT / 2
 * connections; one that listens is there besides. */
#include "common.h"
#include <sys/wait.h>

int main(int argc, char **argv)
{
	if (argc < 3)
		fail("usage: pairs COUNT PROGRAM [ARG...]");
	uint64_t connections = number(argv[1], 50000) / 2;
	raise_fd_limit();
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof address;
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 128))
		die("listen");
	getsockname(listener, (struct sockaddr *)&address, &length);
	for (uint64_t i = 0; i < connections; i++) {
		int near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (near < 0 || connect(near, (struct sockaddr *)&address, sizeof address))
			die("connect");
		int far = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (far < 0)
			die("accept4");
		/* Some data, so that TCP_INFO has something to tell. */
		if (write(near, "hello", 5) != 5)
			die("write");
	}
	pid_t child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		execvp(argv[2], argv + 2);
		die(argv[2]);
	}
	int status;
	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

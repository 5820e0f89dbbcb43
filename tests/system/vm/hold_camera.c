/* SPDX-License-Identifier: MIT */
/*
 * hold_camera DEVICE: keeps a camera from others, as a program that shows its pictures does, until
 * it is ended.  Prints "held" as soon as it has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/videodev2.h>

int main(int argc, char **argv)
{
	struct v4l2_requestbuffers buffers = {
		.count = 2, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
	int fd = argc == 2 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0 || ioctl(fd, VIDIOC_REQBUFS, &buffers) < 0) {
		fprintf(stderr, "hold_camera: %s\n", argc == 2 ? strerror(errno) : "which?");
		return EXIT_FAILURE;
	}
	puts("held");
	fflush(stdout);
	pause();
	return EXIT_SUCCESS;
}

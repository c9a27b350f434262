// SPDX-License-Identifier: Apache-2.0
// The calls on files, as a program sees them; every check holds on Linux too.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

static char place[64];

static void reading_and_writing(void) {
  char text[64] = {0};
  const int fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0666);
  check(fd >= 3);
  check_errno(open("f", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
  check(write(fd, "hello, world", 12) == 12);
  check(lseek(fd, 0, SEEK_CUR) == 12);
  check(pread(fd, text, 5, 7) == 5 && memcmp(text, "world", 5) == 0);
  check(pwrite(fd, "W", 1, 7) == 1);
  check(lseek(fd, -5, SEEK_END) == 7);
  check(read(fd, text, 64) == 5 && memcmp(text, "World", 5) == 0);
  check(read(fd, text, 64) == 0);
  check_errno(lseek(fd, -1, SEEK_SET), EINVAL);
  const struct iovec parts[] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
  check(writev(fd, parts, 3) == 5);
  char left[3], right[30];
  const struct iovec to[] = {{left, 3}, {right, 30}};
  check(lseek(fd, 12, SEEK_SET) == 12 && readv(fd, to, 2) == 5 && left[2] == 'c' && right[1] == 'e');
  check_errno(pread(fd, (void*)8, 4, 0), EFAULT);
  check_errno(write(fd, (void*)8, 4), EFAULT);
  check_errno(read(99, text, 1), EBADF);
  check_errno(readv(fd, parts, -1), EINVAL);
  struct stat st;
  check(fstat(fd, &st) == 0);
  check(S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0644);
  check(st.st_size == 17 && st.st_nlink == 1 && st.st_blksize == 4096);
  check(ftruncate(fd, 3) == 0 && fstat(fd, &st) == 0 && st.st_size == 3);
  check_errno(ftruncate(fd, -1), EINVAL);
  const int reader = open("f", O_RDONLY);
  check_errno(write(reader, "x", 1), EBADF);
  check_errno(ftruncate(reader, 0), EINVAL);
  check((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
  check(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK) == 0);
  check((fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK)) == (O_APPEND | O_NONBLOCK));
  check(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "end", 3) == 3 && lseek(fd, 0, SEEK_CUR) == 6);
  check(fsync(fd) == 0);
  check(close(reader) == 0 && close(fd) == 0);
  check_errno(close(fd), EBADF);
}

static void names(void) {
  struct stat st, other;
  char text[PATH_MAX];
  check(mkdir("d", 0777) == 0);
  check_errno(mkdir("d", 0777), EEXIST);
  check(stat("d", &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0755 && st.st_nlink == 2);
  check(symlink("../f", "d/link") == 0);
  check(readlink("d/link", text, sizeof text) == 4 && memcmp(text, "../f", 4) == 0);
  check_errno(readlink("d", text, sizeof text), EINVAL);
  check(stat("d/link", &st) == 0 && lstat("d/link", &other) == 0);
  check(S_ISREG(st.st_mode) && S_ISLNK(other.st_mode) && other.st_size == 4);
  check(link("f", "g") == 0 && stat("g", &st) == 0 && st.st_nlink == 2);
  check(rename("g", "d/g") == 0);
  check_errno(access("g", F_OK), ENOENT);
  check(access("d/g", R_OK | W_OK) == 0);
  check_errno(rmdir("d"), ENOTEMPTY);
  check_errno(unlink("d"), EISDIR);
  const int dir = open("d", O_RDONLY | O_DIRECTORY);
  check(dir >= 0);
  check(openat(dir, "missing", O_RDONLY) == -1 && errno == ENOENT);
  const int place_only = openat(dir, "g", O_PATH | O_CLOEXEC);
  check(place_only >= 0 && fstat(place_only, &other) == 0 && other.st_ino == st.st_ino);
  check_errno(read(place_only, text, 1), EBADF);
  check(fcntl(place_only, F_GETFD) == FD_CLOEXEC);
  check(fstatat(place_only, "", &other, AT_EMPTY_PATH) == 0 && other.st_ino == st.st_ino);
  close(place_only);
  check_errno(open("d/g/x", O_RDONLY), ENOTDIR);
  check_errno(open("d", O_WRONLY), EISDIR);
  check_errno(open("d/link", O_RDONLY | O_NOFOLLOW), ELOOP);
  check_errno(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
  check(unlinkat(dir, "g", 0) == 0 && unlink("d/link") == 0);
  int entries = 0;
  DIR* list = fdopendir(dir);
  check(list != NULL);
  while (readdir(list) != NULL) ++entries;
  check(entries == 2);
  closedir(list);
  check(rmdir("d") == 0);
  check(truncate("f", 1) == 0 && stat("f", &st) == 0 && st.st_size == 1);
  check(chmod("f", 0400) == 0 && stat("f", &st) == 0 && (st.st_mode & 07777) == 0400);
  check(umask(077) == 022 && umask(022) == 077);
  struct timespec times[2] = {{1000, 5}, {2000, 7}};
  check(utimensat(AT_FDCWD, "f", times, 0) == 0 && stat("f", &st) == 0);
  check(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7);
  struct statx stx;
  check(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &stx) == 0);
  check(stx.stx_size == 1 && stx.stx_ino == st.st_ino &&
        (stx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
  check(unlink("f") == 0);
}

static void where_we_are(void) {
  char text[PATH_MAX];
  check(getcwd(text, sizeof text) != NULL && strcmp(text, place) == 0);
  check(mkdir("sub", 0755) == 0 && chdir("sub") == 0);
  check(getcwd(text, sizeof text) != NULL && strncmp(text, place, strlen(place)) == 0 &&
        strcmp(text + strlen(place), "/sub") == 0);
  check(syscall(SYS_getcwd, text, 3) == -1 && errno == ERANGE);
  const int up = open("..", O_RDONLY | O_DIRECTORY);
  check(rmdir("../sub") == 0);
  check(getcwd(text, sizeof text) == NULL && errno == ENOENT);
  check_errno(open("x", O_CREAT | O_WRONLY, 0600), ENOENT);
  check(fchdir(up) == 0 && close(up) == 0);
  check_errno(chdir("nowhere"), ENOENT);
}

static void descriptors(void) {
  const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  check(fd >= 3 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
  const int copy = dup(fd);
  check(copy == fd + 1 && fcntl(copy, F_GETFD) == 0);
  check(fcntl(fd, F_DUPFD_CLOEXEC, 20) == 20 && fcntl(20, F_GETFD) == FD_CLOEXEC);
  check(dup2(fd, 30) == 30 && dup2(30, 30) == 30);
  check_errno(dup3(30, 30, 0), EINVAL);
  check_errno(dup2(77, 31), EBADF);
  check(syscall(SYS_close_range, 20, 40, 0) == 0);
  check_errno(fcntl(30, F_GETFD), EBADF);
  check(close(copy) == 0 && open("/dev/null", O_RDONLY) == copy && close(copy) == 0);
  char byte = 1;
  check(read(fd, &byte, 1) == 0 && write(fd, "gone", 4) == 4);
  close(fd);
  const int zero = open("/dev/zero", O_RDONLY);
  check(read(zero, &byte, 1) == 1 && byte == 0);
  close(zero);
  const int full = open("/dev/full", O_WRONLY);
  check_errno(write(full, "x", 1), ENOSPC);
  close(full);
  const int chance = open("/dev/urandom", O_RDONLY);
  uint64_t a = 0, b = 0;
  check(read(chance, &a, 8) == 8 && read(chance, &b, 8) == 8 && a != b);
  close(chance);
  struct stat st;
  check(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) == 1 &&
        minor(st.st_rdev) == 3);
}

static void mapping(void) {
  const int fd = memfd_create("numbers", MFD_CLOEXEC);
  check(fd >= 0 && ftruncate(fd, 8192) == 0);
  int* one = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  int* two = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
  int* own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
  check(one != MAP_FAILED && two != MAP_FAILED && own != MAP_FAILED);
  one[1024] = 42;
  check(two[0] == 42 && own[0] == 42);
  own[0] = 1;
  check(two[0] == 42);
  int value = 0;
  check(pread(fd, &value, 4, 4096) == 4 && value == 42);
  value = 43;
  check(pwrite(fd, &value, 4, 4096) == 4 && two[0] == 43);
  // Into a file from a mapping of that very file.
  check(pwrite(fd, one, 8192, 0) == 8192);
  check(munmap(one, 8192) == 0 && munmap(two, 4096) == 0 && munmap(own, 4096) == 0);
  close(fd);
  const int reader = open("/proc/self/exe", O_RDONLY);
  check(reader >= 0);
  check(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0) == MAP_FAILED && errno == EACCES);
  const char* head = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, reader, 0);
  check(head != MAP_FAILED && memcmp(head, "\177ELF", 4) == 0);
  close(reader);
  const int null = open("/dev/null", O_RDWR);
  check(mmap(NULL, 4096, PROT_READ, MAP_SHARED, null, 0) == MAP_FAILED && errno == ENODEV);
  close(null);
}

int main(void) {
  plan(104);
  strcpy(place, "/tmp/files-XXXXXX");
  check(mkdtemp(place) != NULL && chdir(place) == 0);
  umask(022);
  reading_and_writing();
  names();
  where_we_are();
  descriptors();
  mapping();
  check(chdir("/") == 0 && rmdir(place) == 0);
  struct statfs fs;
  check(statfs("/dev/shm", &fs) == 0 && fs.f_type == 0x01021994);
  return finished();
}

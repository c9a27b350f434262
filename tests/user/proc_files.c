// SPDX-License-Identifier: Apache-2.0
// /proc and /sys as a program reads them; every check holds on Linux too.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static char text[65536];

/* The whole of a file; its length, or -1. */
static int get(const char* path) {
  const int fd = open(path, O_RDONLY);
  if (fd < 0) return -1;
  int size = 0, n;
  while ((n = (int)read(fd, text + size, sizeof text - 1 - (size_t)size)) > 0) size += n;
  close(fd);
  text[size] = '\0';
  return size;
}
static int has(const char* line) { return strstr(text, line) != NULL; }
static int lists(const char* folder, const char* name) {
  DIR* dir = opendir(folder);
  int found = 0;
  for (struct dirent* e; dir != NULL && (e = readdir(dir)) != NULL;) found |= strcmp(e->d_name, name) == 0;
  if (dir != NULL) closedir(dir);
  return found;
}

static void self(void) {
  char link[PATH_MAX] = {0}, line[64], path[64];
  check(readlink("/proc/self", link, sizeof link) > 0 && atoi(link) == getpid());
  memset(link, 0, sizeof link);
  snprintf(line, sizeof line, "%d/task/%d", getpid(), gettid());
  check(readlink("/proc/thread-self", link, sizeof link) > 0 && strcmp(link, line) == 0);
  snprintf(path, sizeof path, "%d", getpid());
  check(lists("/proc", path) && lists("/proc", "self"));
  check(lists("/proc/self/task", path) && lists("/proc/self", "status"));
  memset(link, 0, sizeof link);
  check(readlink("/proc/self/exe", link, sizeof link) > 0 && link[0] == '/' &&
        strstr(link, "proc_files") != NULL);
  check(chdir("/tmp") == 0);
  memset(link, 0, sizeof link);
  check(readlink("/proc/self/cwd", link, sizeof link) == 4 && strcmp(link, "/tmp") == 0);
  memset(link, 0, sizeof link);
  check(readlink("/proc/self/root", link, sizeof link) == 1 && link[0] == '/');
  struct stat st;
  check(lstat("/proc/self", &st) == 0 && S_ISLNK(st.st_mode));
  check_errno(open("/proc/self/nothing", O_RDONLY), ENOENT);
  check_errno(open("/proc/999999999", O_RDONLY), ENOENT);
}

static void texts(void) {
  char line[64];
  check(get("/proc/self/status") > 0);
  check(has("Name:\tproc_files\n") && has("\nState:\tR (running)\n"));
  snprintf(line, sizeof line, "\nPid:\t%d\n", getpid());
  check(has(line));
  snprintf(line, sizeof line, "\nPPid:\t%d\n", getppid());
  check(has(line));
  snprintf(line, sizeof line, "\nUid:\t%d\t%d\t%d\t%d\n", getuid(), getuid(), getuid(), getuid());
  check(has(line));
  check(has("\nThreads:\t1\n") && has("\nSigBlk:\t0000000000000000\n") && has("\nNSpid:\t"));
  check(has("\nCpus_allowed_list:\t0"));
  check(get("/proc/self/stat") > 0);
  snprintf(line, sizeof line, "%d (proc_files) R %d ", getpid(), getppid());
  check(strncmp(text, line, strlen(line)) == 0);
  int blanks = 0;
  for (const char* c = text; *c != '\0'; ++c) blanks += *c == ' ';
  check(blanks == 51); // 52 fields
  check(get("/proc/self/comm") == 11 && strcmp(text, "proc_files\n") == 0);
  check(get("/proc/self/cmdline") > 0 && strstr(text, "proc_files") != NULL &&
        text[strlen(text) + 1] == '\0');
  check(get("/proc/self/maps") > 0 && has("[stack]") && has(" r-xp ") && has("proc_files"));
  check(get("/proc/self/limits") > 0 && has("Max open files") && has("Max stack size            8388608"));
  check(get("/proc/self/mounts") > 0 && has(" /proc proc "));
  check(get("/proc/mounts") > 0 && has(" /proc proc "));
  check(get("/proc/thread-self/comm") == 11);
}

static void open_files(void) {
  char link[PATH_MAX] = {0}, path[64];
  const int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  check(readlink(path, link, sizeof link) == 4 && strcmp(link, "/tmp") == 0);
  const int again = open(path, O_RDONLY | O_DIRECTORY);
  struct stat a, b;
  check(again > fd && fstat(fd, &a) == 0 && fstat(again, &b) == 0 && a.st_ino == b.st_ino);
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  check(get(path) > 0 && strncmp(text, "pos:\t0\nflags:\t0", 15) == 0 && has("\nmnt_id:\t") &&
        has("\nino:\t"));
  snprintf(path, sizeof path, "%d", fd);
  check(lists("/proc/self/fd", path) && lists("/proc/self/fd", "0"));
  close(again);
  close(fd);
  int ends[2];
  check(pipe(ends) == 0);
  snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
  memset(link, 0, sizeof link);
  check(readlink(path, link, sizeof link) > 0 && strncmp(link, "pipe:[", 6) == 0);
  const int event = eventfd(12, 0);
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", event);
  check(get(path) > 0 && has("eventfd-count:                c\n"));
  close(event);
  close(ends[0]);
  close(ends[1]);
}

static void machine(void) {
  double up = -1, idle = -1;
  check(get("/proc/uptime") > 0 && sscanf(text, "%lf %lf", &up, &idle) == 2 && up >= 0 && idle >= 0);
  check(get("/proc/stat") > 0 && has("\nbtime ") && has("cpu0 "));
  int running = 0, all = 0, last = 0;
  check(get("/proc/loadavg") > 0 && sscanf(text, "%*f %*f %*f %d/%d %d", &running, &all, &last) == 3);
  check(get("/proc/meminfo") > 0 && strncmp(text, "MemTotal:", 9) == 0);
  check(get("/proc/cpuinfo") > 0 && has("processor\t: 0\n"));
  check(get("/proc/filesystems") > 0 && has("nodev\tproc\n") && has("tmpfs"));
  check(get("/proc/version") > 0 && strncmp(text, "Linux version ", 14) == 0);
  check(get("/proc/sys/kernel/pid_max") > 0 && atoi(text) >= 301);
  check(get("/proc/sys/kernel/sched_rr_timeslice_ms") > 0);
  check(get("/sys/devices/system/cpu/online") > 0 && text[0] == '0' && text[strlen(text) - 1] == '\n');
  check(get("/sys/devices/system/cpu/possible") > 0 && get("/sys/devices/system/cpu/present") > 0);
  check(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
  struct statfs fs;
  check(statfs("/proc", &fs) == 0 && fs.f_type == 0x9fa0);
  check(statfs("/sys", &fs) == 0 && fs.f_type == 0x62656572);
}

int main(void) {
  plan(49);
  self();
  texts();
  open_files();
  machine();
  return finished();
}

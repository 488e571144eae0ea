#define _GNU_SOURCE
#include "seal.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* SIGSETXID of glibc. pthread_sigmask() leaves it open, whatever it is told. */
#define BROADCAST_SIGNAL 33
/* Threads begin and end while we go through them; what a thread starts has its privileges. */
#define MAX_PASSES 64
#define MAX_THREADS 4096
/* A thread that is stuck in the kernel for longer is not one of Node's. */
#define MAX_WAIT_S 2
/* Of the kernel's mask of signals, in bytes. */
#define KERNEL_MASK_LEN 8

/*
 * struct sigaction as the kernel has it: handler, flags, and (not on every machine) restorer, then the mask. Only the handler is
 * replaced, the rest is handed back as it was read; so the order behind it does not matter.
 */
struct kernel_action {
  unsigned long handler;
  unsigned long rest[7];
};

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
/* What the handler needs, and what it says. */
static atomic_bool keeps;
static _Atomic(const char *) failed_step;
static atomic_int failed_error;
static sem_t done;

static void fail(const char *step) {
  failed_error = errno;
  failed_step = step;
}

/* The calling thread gives up what it has. Calls the kernel only: it runs in a signal handler. */
static void seal_this_thread(void) {
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
  struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    fail("no_new_privs");
    return;
  }
  /* Up to the first that the kernel does not know; and without CAP_SETPCAP, which no_new_privs makes up for, none. */
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
      break;
  }
  if (keeps)
    return;
  /* The ambient set shrinks with the others. */
  memset(sets, 0, sizeof(sets));
  if (syscall(SYS_capset, &header, sets) != 0)
    fail("capset");
}

static void on_broadcast(int number, siginfo_t *info, void *context) {
  int error = errno;

  (void)number;
  (void)info;
  (void)context;
  seal_this_thread();
  sem_post(&done);
  errno = error;
}

static bool wait_for_thread(void) {
  struct timespec until;

  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += MAX_WAIT_S;
  while (sem_timedwait(&done, &until) != 0) {
    if (errno != EINTR)
      return false;
  }
  return true;
}

static bool is_among(const pid_t *threads, int count, pid_t thread) {
  for (int i = 0; i < count; i++) {
    if (threads[i] == thread)
      return true;
  }
  return false;
}

/* Sends the signal to each thread that is not in the list yet, and puts it there. False where one did not answer. */
static bool seal_new_threads(pid_t *threads, int *count, bool *found) {
  DIR *folder = opendir("/proc/self/task");
  struct dirent *entry;
  bool is_well = true;

  *found = false;
  if (folder == NULL) {
    fail("reading /proc/self/task");
    return true;
  }
  while (is_well && (entry = readdir(folder)) != NULL) {
    pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);

    if (thread <= 0 || is_among(threads, *count, thread))
      continue;
    if (*count == MAX_THREADS) {
      errno = E2BIG;
      fail("counting threads");
      break;
    }
    *found = true;
    threads[(*count)++] = thread;
    if (syscall(SYS_tgkill, getpid(), thread, BROADCAST_SIGNAL) != 0) {
      /* It ended by itself. */
      if (errno == ESRCH)
        continue;
      fail("tgkill");
      break;
    }
    is_well = wait_for_thread();
  }
  closedir(folder);
  return is_well;
}

static void seal_other_threads(struct seal_result *result) {
  static pid_t threads[MAX_THREADS];
  struct kernel_action before, ours;
  bool found = true;

  memset(&before, 0, sizeof(before));
  if (syscall(SYS_rt_sigaction, BROADCAST_SIGNAL, NULL, &before, KERNEL_MASK_LEN) != 0) {
    fail("rt_sigaction");
    return;
  }
  /* Set by glibc with the first thread. Another C library does it in its own way, which we do not know. */
  if (before.handler <= (unsigned long)SIG_IGN) {
    errno = ENOSYS;
    fail("this C library");
    return;
  }
  ours = before;
  ours.handler = (unsigned long)on_broadcast;
  if (sem_init(&done, 0, 0) != 0 || syscall(SYS_rt_sigaction, BROADCAST_SIGNAL, &ours, NULL, KERNEL_MASK_LEN) != 0) {
    fail("rt_sigaction");
    return;
  }
  threads[result->threads++] = (pid_t)syscall(SYS_gettid);
  for (int pass = 0; found && failed_step == NULL && pass < MAX_PASSES; pass++) {
    if (seal_new_threads(threads, &result->threads, &found))
      continue;
    /* It may answer yet, and glibc's handler would not know what to make of it: so ours stays. */
    errno = ETIMEDOUT;
    fail("waiting for a thread");
    return;
  }
  if (found && failed_step == NULL) {
    errno = EAGAIN;
    fail("counting threads");
  }
  syscall(SYS_rt_sigaction, BROADCAST_SIGNAL, &before, NULL, KERNEL_MASK_LEN);
}

struct seal_result seal_threads(bool keeps_capabilities) {
  struct seal_result result = { .step = NULL, .error = 0, .threads = 0 };

  pthread_mutex_lock(&one_at_a_time);
  keeps = keeps_capabilities;
  failed_step = NULL;
  failed_error = 0;
  seal_this_thread();
  if (failed_step == NULL)
    seal_other_threads(&result);
  result.step = failed_step;
  result.error = failed_error;
  pthread_mutex_unlock(&one_at_a_time);
  return result;
}

/*
 * Sends the frames of a capture onto an interface, as fast as the kernel takes them or at a rate: a sender that is faster than tcpreplay, so
 * that it is the listener that is measured.
 *
 *     send-frames INTERFACE FILE [--loops N] [--rate FRAMES_PER_SECOND] [--readdress [--from N]]
 *
 * The capture (pcap, this machine's byte order, Ethernet) is read whole into memory first. Then the frames go by sendmmsg, one call for many,
 * with no queueing discipline between. A ring shared with the kernel (PACKET_TX_RING) was tried and is no faster on a veth: its frames are
 * scattered over pages, and are put together again where the interface or the receiver wants them in one piece.
 *
 * With --readdress each loop has connections of its own: 198.18.0.0/15 becomes 198.20.0.0/15, 198.22.0.0/15 and so on, 2001:2::/48 becomes
 * 2001:2:1::/48, checksums of IP and TCP kept right by what changed (RFC 1624). --from 3 begins where the fourth loop would. For frames without
 * VLAN tags.
 *
 * Writes one line of JSON: frames, bytes, refused, seconds. Ends with 1 and a sentence where something can't be done.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Frames of one call to the kernel: more makes it no faster, and a rate is kept in steps of this. */
enum { BATCH = 256 };

struct frame {
  uint8_t *data;
  uint32_t length;
};

struct capture {
  struct frame *frames;
  size_t count;
};

struct options {
  const char *interface, *file;
  unsigned long loops, from;
  double rate;
  bool readdress;
};

struct sender {
  int socket;
  uint64_t sent, bytes, refused;
};

static _Noreturn void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

static uint32_t read_u32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static struct capture load(const char *path) {
  int file = open(path, O_RDONLY);
  struct stat status;
  if (file < 0 || fstat(file, &status) < 0) fail("%s: %s", path, strerror(errno));
  size_t size = (size_t)status.st_size;
  /* Private, so that addresses can be changed in place; touched now, so that no page is read while frames are sent. */
  uint8_t *bytes = size < 24 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE, file, 0);
  close(file);
  if (bytes == MAP_FAILED) fail("%s can't be mapped, or is no capture", path);
  uint32_t magic = read_u32(bytes);
  if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d) fail("%s is no pcap of this machine's byte order", path);
  if ((read_u32(bytes + 20) & 0xffff) != 1) fail("%s is not Ethernet", path);

  struct capture capture = {NULL, 0};
  size_t room = 0;
  for (size_t at = 24; size - at >= 16;) {
    uint32_t length = read_u32(bytes + at + 8);
    at += 16;
    if (length > size - at) break;
    if (capture.count == room) {
      room = room == 0 ? 65536 : room * 2;
      capture.frames = reallocarray(capture.frames, room, sizeof *capture.frames);
      if (capture.frames == NULL) fail("no memory for so many frames");
    }
    capture.frames[capture.count++] = (struct frame){bytes + at, length};
    at += length;
  }
  if (capture.count == 0) fail("%s has no frames", path);
  return capture;
}

/* HC' = ~(~HC + ~m + m'), RFC 1624 3. */
static void replace_word(uint8_t *word_at, uint16_t word, uint8_t *sum_a, uint8_t *sum_b) {
  uint16_t old = (uint16_t)(word_at[0] << 8 | word_at[1]);
  uint8_t *sums[] = {sum_a, sum_b};
  for (int i = 0; i < 2; i++) {
    if (sums[i] == NULL) continue;
    uint32_t sum = (uint16_t)~(sums[i][0] << 8 | sums[i][1]) + (uint32_t)(uint16_t)~old + word;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    sums[i][0] = (uint8_t)(~sum >> 8);
    sums[i][1] = (uint8_t)~sum;
  }
  word_at[0] = (uint8_t)(word >> 8);
  word_at[1] = (uint8_t)word;
}

/* Moves a frame some networks further. Whoever has no TCP header where one is expected is left alone. */
static void readdress(struct frame frame, unsigned long networks) {
  uint8_t *ip = frame.data + 14;
  uint16_t type = frame.length < 54 ? 0 : (uint16_t)(frame.data[12] << 8 | frame.data[13]);
  if (type == ETHERTYPE_IP && ip[9] == IPPROTO_TCP) {
    uint8_t *tcp_sum = ip + (ip[0] & 0x0f) * 4 + 16;
    if (tcp_sum + 2 > frame.data + frame.length) return;
    for (int at = 12; at <= 16; at += 4) replace_word(ip + at, (uint16_t)((ip[at] << 8 | ip[at + 1]) + 2 * networks), ip + 10, tcp_sum);
  } else if (type == ETHERTYPE_IPV6 && ip[6] == IPPROTO_TCP && frame.length >= 74) {
    for (int at = 8; at <= 24; at += 16) replace_word(ip + at + 4, (uint16_t)((ip[at + 4] << 8 | ip[at + 5]) + networks), ip + 40 + 16, NULL);
  }
}

static struct sender open_sender(const char *interface) {
  struct sender sender = {.socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
  if (sender.socket < 0) fail("packet socket: %s", strerror(errno));
  int yes = 1;
  if (setsockopt(sender.socket, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes) < 0) fail("PACKET_QDISC_BYPASS: %s", strerror(errno));
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface)};
  if (address.sll_ifindex == 0) fail("%s: no such interface", interface);
  if (bind(sender.socket, (struct sockaddr *)&address, sizeof address) < 0) fail("bind: %s", strerror(errno));
  return sender;
}

static void send_batch(struct sender *sender, const struct frame *frames, size_t n) {
  struct iovec vectors[BATCH];
  struct mmsghdr messages[BATCH];
  memset(messages, 0, n * sizeof *messages);
  for (size_t i = 0; i < n; i++) {
    vectors[i] = (struct iovec){frames[i].data, frames[i].length};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (size_t done = 0; done < n;) {
    int got = sendmmsg(sender->socket, messages + done, (unsigned)(n - done), 0);
    if (got < 0 && errno == EMSGSIZE) {
      sender->refused++;
      done++;
    } else if (got < 0 && errno != EINTR && errno != ENOBUFS) {
      fail("sendmmsg: %s", strerror(errno));
    }
    for (int i = 0; i < got; i++) {
      sender->sent++;
      sender->bytes += frames[done++].length;
    }
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void wait_until(double due) {
  for (double left = due - now(); left > 0; left = due - now()) {
    struct timespec time = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
    nanosleep(&time, NULL);
  }
}

static void send_all(struct sender *sender, const struct capture *capture, const struct options *options, double began) {
  for (unsigned long loop = 0; loop < options->loops; loop++) {
    unsigned long networks = loop == 0 ? options->from : 1;
    if (options->readdress && networks > 0) {
      for (size_t i = 0; i < capture->count; i++) readdress(capture->frames[i], networks);
    }
    for (size_t at = 0; at < capture->count; at += BATCH) {
      size_t n = capture->count - at < BATCH ? capture->count - at : BATCH;
      if (options->rate > 0) wait_until(began + (double)sender->sent / options->rate);
      send_batch(sender, capture->frames + at, n);
    }
  }
}

static struct options read_options(int count, char **words) {
  struct options options = {.loops = 1};
  for (int i = 1; i < count; i++) {
    const char *word = words[i];
    bool has_value = i + 1 < count;
    if (strcmp(word, "--readdress") == 0) options.readdress = true;
    else if (strcmp(word, "--loops") == 0 && has_value) options.loops = strtoul(words[++i], NULL, 10);
    else if (strcmp(word, "--from") == 0 && has_value) options.from = strtoul(words[++i], NULL, 10);
    else if (strcmp(word, "--rate") == 0 && has_value) options.rate = strtod(words[++i], NULL);
    else if (word[0] != '-' && options.interface == NULL) options.interface = word;
    else if (word[0] != '-' && options.file == NULL) options.file = word;
    else fail("what is %s?", word);
  }
  if (options.file == NULL) fail("send-frames INTERFACE FILE [--loops N] [--rate FRAMES_PER_SECOND] [--readdress [--from N]]");
  return options;
}

int main(int count, char **words) {
  struct options options = read_options(count, words);
  struct capture capture = load(options.file);
  struct sender sender = open_sender(options.interface);
  double began = now();
  send_all(&sender, &capture, &options, began);
  double seconds = now() - began;
  free(capture.frames);
  printf("{\"frames\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"seconds\":%.6f}\n", sender.sent, sender.bytes,
         sender.refused, seconds);
  return 0;
}

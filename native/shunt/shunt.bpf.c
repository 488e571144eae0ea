/**
 * The flow shunt's programs for the kernel: one set of rules, as a socket filter and as XDP.
 *
 *     Ethernet ─ 0..3 VLAN tags ─┬─ IPv4, options ─────────────┬─ TCP ─ rules below
 *                                └─ IPv6, 0..4 extensions ─────┴─ UDP ─ QUIC, DTLS and tunnels pass, the rest drops
 *
 * It fails open. Fragments, tunnels, other protocols, deep tags, cut headers and lengths that contradict each other all pass, so
 * that what a packet means is decided in TypeScript. The rules for TCP, in this order:
 *
 *     SYN, FIN or RST              pass; a SYN begins the flow anew
 *     flow is finished             drop: finished
 *     empty                        pass while the flow is young or unknown, then drop: empty_ack
 *     payload beyond the budget    drop: budget; retransmissions of what passed still pass
 *     other payload                pass and count; a flow without entry gets one
 *
 * What was thought of:
 *
 * - A bare SYN or ACK makes no entry, so a flood of them pushes nobody out. A flood of payload does, and then flows pass again
 *   until their budget is used up once more: dearer, never blind.
 * - An empty ACK of an unknown flow passes. It may be the third packet of a handshake, whose time is wanted.
 * - The budget counts each byte of the stream once, by sequence number. So a mirror that shows each packet twice, and a path
 *   with loss, halve nothing, and a late retransmission of an early segment passes when the budget is gone. A forged sequence
 *   number moves the mark, but the next honest packet moves it back: to blind the sensor a sender has to send the whole budget.
 *   Lengths are those of the IP header (a packet merged by GRO has one, or zero for more than 64 KiB) but never more than came.
 * - A five-tuple is used again: its SYN clears the old state. If that SYN is lost on the mirror, the answer to it does so.
 *   A finish that arrives after the SYN of the next connection is told by its sequence numbers, and is void.
 * - VLAN tags are no part of the key, since the two directions of a flow may carry different ones.
 *
 * The socket program reads relative to the MAC header. Packets with fragments of memory hold their headers in the linear part; a
 * read beyond it is tried again from the packet's beginning, which is the MAC header on a raw packet socket. What the
 * kernel took out of a packet (the outermost VLAN tag) does not show here, and need not. The kernel's own idea of the Ethernet
 * type must agree: an interface without Ethernet headers would be misread otherwise.
 *
 * No header of the system is included, so that the code depends on the compiler alone. Tables are created by shunt.c; their
 * names stand for descriptors that it puts in. Concurrent updates of one flow on two processors may lose a count: then more passes.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;

#define INLINE static inline __attribute__((always_inline))
#define SECTION(name) __attribute__((section(name), used))

/* Stable numbers of the kernel's helpers, include/uapi/linux/bpf.h. None of them asks for a GPL program. */
static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static long (*const map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const map_delete)(void *map, const void *key) = (void *)3;
static long (*const skb_load)(const void *skb, u32 at, void *to, u32 len) = (void *)26;
static long (*const skb_load_relative)(const void *skb, u32 at, void *to, u32 len, u32 from) = (void *)68;
static u64 (*const xdp_length)(void *xdp) = (void *)188;
static long (*const xdp_load)(void *xdp, u32 at, void *to, u32 len) = (void *)189;
#define FROM_MAC 0
#define UPDATE_NOEXIST 1

#define XDP_DROP 1
#define XDP_PASS 2
#define KEEP_ALL 0xffffffffu

/* The first words of struct __sk_buff. */
struct skb {
  u32 len;
  u32 packet_type;
  u32 mark;
  u32 queue_mapping;
  u32 protocol; /* the Ethernet type, in the network's order */
};

/* Tables, by name: shunt.c creates them. */
extern u8 shunt_flows;
extern u8 shunt_finished;
extern u8 shunt_counters;
extern u8 shunt_settings;

/* The layouts below are shared with src/capture/shunt-layout.ts. Words are in the host's order. */
struct key {
  u32 a[4]; /* the lower address by signed words, IPv4 in the first; ports decide between equal ones */
  u32 b[4];
  u32 ports; /* a's in the upper half */
  u32 kind;  /* 4 or 6 */
};

struct side {
  u32 bytes; /* payload that passed, each byte of the stream once */
  u32 next;  /* sequence number behind it */
  u32 isn;
  u32 known; /* KNOWS_NEXT, KNOWS_ISN */
};
#define KNOWS_NEXT 1
#define KNOWS_ISN 2

struct flow {
  struct side sides[2];
  u32 packets; /* that passed, both directions */
  u32 unused;
};

struct finish {
  u32 isn[2];
  u32 knows_isn;
  u32 is_verified; /* belongs to the connection that the flow's entry is about */
};

struct settings {
  u32 budget_bytes;
  u32 young_packets;
};

struct counter {
  u64 packets;
  u64 bytes;
};

enum verdict { PASSED, FINISHED, BUDGET, EMPTY_ACK, NO_HANDSHAKE_UDP, FILTERED };

#define MAX_VLAN_TAGS 3
#define MAX_EXTENSIONS 4
/* A late segment within this many bytes is a retransmission. Larger than any budget in use, far below half of the number space. */
#define LATE_WINDOW 0x100000
/* A QUIC long header with two empty connection ids is 7 bytes, a DTLS record header 13. */
#define MIN_HANDSHAKE_DATAGRAM 7
#define MIN_TUNNEL_SOURCE 1024

#define FLAG_FIN 0x01
#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_ACK 0x10

INLINE u32 be16(const u8 *p) { return ((u32)p[0] << 8) | p[1]; }
INLINE u32 be32(const u8 *p) { return ((u32)p[0] << 24) | ((u32)p[1] << 16) | ((u32)p[2] << 8) | p[3]; }

/*
 * One of the two sides. The choice is between two addresses that have been worked out, and not an addition that depends on it: without
 * CAP_PERFMON the verifier refuses such a one, for the sake of processors that speculate.
 */
INLINE struct side *side_of(struct side *sides, u32 side) {
  struct side *first = &sides[0], *second = &sides[1];
  __asm__ volatile("" : "+r"(first), "+r"(second));
  return side ? second : first;
}

/* Copies `len` bytes of the packet, or fails whole. `is_xdp` is a constant in each program. */
INLINE long load(void *ctx, int is_xdp, u32 at, void *to, u32 len) {
  if (is_xdp) return xdp_load(ctx, at, to, len);
  if (skb_load_relative(ctx, at, to, len, FROM_MAC) == 0) return 0;
  return skb_load(ctx, at, to, len);
}

/* A packet up to its transport header. */
struct packet {
  struct key key; /* ports are still missing; a is the source until `order` */
  u32 at;
  u32 payload_len; /* of IP, by its header; the frame's where the header does not say */
  u32 protocol;
};

/* 0, or -1 for what is not understood. */
INLINE int read_ipv4(void *ctx, int is_xdp, u32 frame_len, struct packet *packet) {
  u8 ip[20];
  u32 at = packet->at;
  if (load(ctx, is_xdp, at, ip, sizeof ip) != 0) return -1;
  u32 header_len = (ip[0] & 0x0f) << 2;
  if (ip[0] >> 4 != 4 || header_len < sizeof ip) return -1;
  if ((be16(ip + 6) & 0x3fff) != 0) return -1; /* a fragment */
  u32 total_len = be16(ip + 2);
  if (total_len == 0) total_len = frame_len - at; /* merged to more than 64 KiB */
  if (total_len < header_len) return -1;
  packet->at = at + header_len;
  packet->payload_len = total_len - header_len;
  packet->protocol = ip[9];
  packet->key.a[0] = be32(ip + 12);
  packet->key.b[0] = be32(ip + 16);
  packet->key.kind = 4;
  return 0;
}

INLINE int read_ipv6(void *ctx, int is_xdp, u32 frame_len, struct packet *packet) {
  u8 ip[40];
  u32 at = packet->at;
  if (load(ctx, is_xdp, at, ip, sizeof ip) != 0) return -1;
  if (ip[0] >> 4 != 6) return -1;
  at += sizeof ip;
  u32 payload_len = be16(ip + 4);
  if (payload_len == 0) payload_len = frame_len - at; /* merged to more than 64 KiB, or a jumbogram */
  u32 protocol = ip[6];
#pragma unroll
  for (int i = 0; i < MAX_EXTENSIONS; i++) {
    /* Hop-by-hop, routing and destination options. Fragments, AH, ESP and the rest pass. */
    if (protocol != 0 && protocol != 43 && protocol != 60) break;
    u8 extension[2];
    if (load(ctx, is_xdp, at, extension, sizeof extension) != 0) return -1;
    u32 extension_len = ((u32)extension[1] + 1) << 3;
    if (extension_len > payload_len) return -1;
    protocol = extension[0];
    at += extension_len;
    payload_len -= extension_len;
  }
  packet->at = at;
  packet->payload_len = payload_len;
  packet->protocol = protocol;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    packet->key.a[i] = be32(ip + 8 + 4 * i);
    packet->key.b[i] = be32(ip + 24 + 4 * i);
  }
  packet->key.kind = 6;
  return 0;
}

INLINE int read_ip(void *ctx, int is_xdp, u32 frame_len, struct packet *packet) {
  u8 ethernet[14];
  if (load(ctx, is_xdp, 0, ethernet, sizeof ethernet) != 0) return -1;
  u32 type = be16(ethernet + 12);
  if (!is_xdp && ((struct skb *)ctx)->protocol != (ethernet[12] | (u32)ethernet[13] << 8)) return -1;
  packet->at = sizeof ethernet;
#pragma unroll
  for (int i = 0; i < MAX_VLAN_TAGS; i++) {
    if (type != 0x8100 && type != 0x88a8 && type != 0x9100 && type != 0x9200) break;
    u8 tag[4];
    if (load(ctx, is_xdp, packet->at, tag, sizeof tag) != 0) return -1;
    type = be16(tag + 2);
    packet->at += sizeof tag;
  }
  if (type == 0x0800) return read_ipv4(ctx, is_xdp, frame_len, packet);
  if (type == 0x86dd) return read_ipv6(ctx, is_xdp, frame_len, packet);
  return -1;
}

/* Puts the lower endpoint first; 1 if that was the destination. */
INLINE u32 order(struct key *key, u32 source_port, u32 target_port) {
  int is_lower = source_port <= target_port;
#pragma unroll
  for (int i = 3; i >= 0; i--) {
    if (key->a[i] != key->b[i]) is_lower = (s32)key->a[i] < (s32)key->b[i];
  }
  if (is_lower) {
    key->ports = source_port << 16 | target_port;
    return 0;
  }
  key->ports = target_port << 16 | source_port;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    u32 word = key->a[i];
    key->a[i] = key->b[i];
    key->b[i] = word;
  }
  return 1;
}

/* A SYN begins the flow anew. Only a flow that has an entry is written to. */
INLINE void begin(const struct key *key, u32 side, u32 seq, u32 ack, u32 is_answer) {
  map_delete(&shunt_finished, key);
  struct flow *flow = map_lookup(&shunt_flows, key);
  if (!flow) return;
  struct side *own = side_of(flow->sides, side);
  struct side *other = side_of(flow->sides, !side);
  /* The other side's number stands only if this is the answer to it. */
  int is_answered = is_answer && (other->known & KNOWS_ISN) != 0 && ack == other->isn + 1;
  other->bytes = 0;
  other->known = is_answered ? KNOWS_ISN : 0;
  own->bytes = 0;
  own->isn = seq;
  own->known = KNOWS_ISN;
  flow->packets = 0;
}

/* A finish of an earlier connection: the kernel saw another SYN since. */
INLINE int is_void(const struct finish *finish, const struct flow *flow) {
  const struct side *a = &flow->sides[0], *b = &flow->sides[1];
  if ((a->known & KNOWS_ISN) != 0 && (!finish->knows_isn || finish->isn[0] != a->isn)) return 1;
  return (b->known & KNOWS_ISN) != 0 && (!finish->knows_isn || finish->isn[1] != b->isn);
}

INLINE enum verdict judge_payload(struct flow *flow, u32 side, u32 seq, u32 len, u32 budget) {
  struct side *own = side_of(flow->sides, side);
  u32 end = seq + len;
  u32 fresh = len;
  if (own->known & KNOWS_NEXT) {
    s32 ahead = (s32)(end - own->next);
    if (ahead <= 0 && ahead > -LATE_WINDOW) fresh = 0;
    else if (ahead > 0 && (u32)ahead < len) fresh = ahead;
  }
  if (fresh != 0) {
    if (own->bytes >= budget) return BUDGET;
    own->bytes += fresh;
    own->next = end;
    own->known |= KNOWS_NEXT;
  }
  flow->packets += 1;
  return PASSED;
}

INLINE enum verdict judge_tcp(void *ctx, int is_xdp, u32 frame_len, struct packet *packet) {
  u8 tcp[20];
  if (load(ctx, is_xdp, packet->at, tcp, sizeof tcp) != 0) return PASSED;
  u32 header_len = (tcp[12] >> 4) << 2;
  if (header_len < sizeof tcp || packet->payload_len < header_len) return PASSED;
  u32 flags = tcp[13];
  u32 seq = be32(tcp + 4);
  u32 side = order(&packet->key, be16(tcp), be16(tcp + 2));
  if (flags & FLAG_SYN) begin(&packet->key, side, seq, be32(tcp + 8), flags & FLAG_ACK);
  if (flags & (FLAG_SYN | FLAG_FIN | FLAG_RST)) return PASSED;

  struct finish *finish = map_lookup(&shunt_finished, &packet->key);
  if (finish && finish->is_verified) return FINISHED;
  struct flow *flow = map_lookup(&shunt_flows, &packet->key);
  if (finish) {
    if (!flow || !is_void(finish, flow)) {
      finish->is_verified = 1;
      return FINISHED;
    }
    map_delete(&shunt_finished, &packet->key);
  }

  u32 zero = 0;
  const struct settings *settings = map_lookup(&shunt_settings, &zero);
  if (!settings) return PASSED;
  u32 len = packet->payload_len - header_len;
  if (len == 0) {
    if (!flow || !(flags & FLAG_ACK)) return PASSED;
    if (flow->packets >= settings->young_packets) return EMPTY_ACK;
    flow->packets += 1;
    return PASSED;
  }
  u32 headers_len = packet->at + header_len;
  u32 came = frame_len > headers_len ? frame_len - headers_len : 0;
  if (len > came) len = came;
  if (len == 0) return PASSED;
  if (flow) return judge_payload(flow, side, seq, len, settings->budget_bytes);

  struct flow fresh = {};
  struct side *own = side_of(fresh.sides, side);
  own->bytes = len;
  own->next = seq + len;
  own->known = KNOWS_NEXT;
  fresh.packets = 1;
  map_update(&shunt_flows, &packet->key, &fresh, UPDATE_NOEXIST);
  return PASSED;
}

/* May this version stand in a QUIC long header whose fixed bit is clear (RFC 9287)? RTP would be taken for one otherwise. */
INLINE int is_quic_version(u32 version) {
  return version == 0 || version == 1 || version == 0x6b3343cf || version >> 8 == 0xff0000;
}

/* The ports of src/decode/udp-port.ts, with its exception for servers that answer. */
INLINE int is_tunnel(u32 source_port, u32 target_port) {
  if (source_port < MIN_TUNNEL_SOURCE) return 0;
  return target_port == 2152 || target_port == 3544 || target_port == 4789 || target_port == 6081 || target_port == 37008;
}

INLINE enum verdict judge_udp(void *ctx, int is_xdp, struct packet *packet) {
  u8 udp[8];
  u8 first[5];
  if (load(ctx, is_xdp, packet->at, udp, sizeof udp) != 0) return PASSED;
  u32 len = be16(udp + 4);
  if (len < sizeof udp || len > packet->payload_len) return PASSED;
  if (is_tunnel(be16(udp), be16(udp + 2))) return PASSED;
  if (len < sizeof udp + MIN_HANDSHAKE_DATAGRAM) return NO_HANDSHAKE_UDP;
  if (load(ctx, is_xdp, packet->at + sizeof udp, first, sizeof first) != 0) return PASSED;
  if ((first[0] & 0xc0) == 0xc0) return PASSED;
  if (first[0] & 0x80) return is_quic_version(be32(first + 1)) ? PASSED : NO_HANDSHAKE_UDP;
  if (first[0] >= 20 && first[0] <= 26 && first[1] == 0xfe) return PASSED;
  return NO_HANDSHAKE_UDP;
}

INLINE enum verdict judge(void *ctx, int is_xdp, u32 frame_len) {
  struct packet packet = {};
  if (read_ip(ctx, is_xdp, frame_len, &packet) != 0) return PASSED;
  if (packet.protocol == 6) return judge_tcp(ctx, is_xdp, frame_len, &packet);
  if (packet.protocol == 17) return judge_udp(ctx, is_xdp, &packet);
  return PASSED;
}

INLINE void count(enum verdict verdict, u32 frame_len) {
  u32 index = verdict;
  struct counter *counter = map_lookup(&shunt_counters, &index);
  if (!counter) return;
  counter->packets += 1;
  counter->bytes += frame_len;
}

SECTION("socket") u32 shunt_socket(struct skb *skb) {
  u32 len = skb->len;
  enum verdict verdict = judge(skb, 0, len);
  count(verdict, len);
  return verdict == PASSED ? KEEP_ALL : 0;
}

/* What is run instead for a packet that the user's own filter refused. */
SECTION("filtered") u32 shunt_filtered(struct skb *skb) {
  count(FILTERED, skb->len);
  return 0;
}

SECTION("xdp") u32 shunt_xdp(void *xdp) {
  u32 len = xdp_length(xdp);
  enum verdict verdict = judge(xdp, 1, len);
  count(verdict, len);
  return verdict == PASSED ? XDP_PASS : XDP_DROP;
}

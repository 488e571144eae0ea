/**
 * Every cap of the offline sources, with its reason. The worst case of one open capture:
 *
 *     plain file        MAX_WINDOW_BYTES                                          about 16 MiB
 *     gzip              + GZIP_PIECE_BYTES x 1032 (the most that deflate expands)  + 16.1 MiB
 *     lz4               + MAX_WINDOW_BYTES of input + 8 MiB of output              + 24 MiB
 *     xz                + 64 MiB dictionary inside the decoder                     + 80 MiB
 *     zstd              + MAX_ZSTD_WINDOW_BYTES + 16 MiB of the decoder's memory   + 144 MiB
 *
 * A usual capture takes WINDOW_BYTES, and the dictionary that its compressor chose.
 */

/** Bytes of a capture held at a time. Larger reads save no time here, and smaller ones cost system calls. */
export const WINDOW_BYTES = 262_144;

/**
 * Where reading into a window begins. A destination on a page boundary made `read` 3.5 times slower where it was
 * measured; one cache line further avoids that.
 */
export const WINDOW_LEAD = 64;

/** A window grows to this for a giant record, and no further: the largest block (16 MiB) and its lead. */
export const MAX_WINDOW_BYTES: number = 16_777_216 + 65_536;

/**
 * Bytes viewed at a time of a capture that lies in memory as a whole (a mapped file). Offsets in a block are 32-bit
 * numbers, so a view must stay below 2^31.
 */
export const VIEW_BYTES = 1_073_741_824;

/** Longest packet believed where the file announces no larger snap length: libpcap's MAXIMUM_SNAPLEN. */
export const MAX_PACKET_BYTES = 262_144;

/** Largest announced snap length believed. Above it a length field is damage, and would only grow the window. */
export const MAX_SNAPLEN_BYTES = 16_000_000;

/** Longest pcapng block believed; Wireshark's limit is the same. */
export const MAX_BLOCK_BYTES = 16_777_216;

/** Interfaces of one capture: `PacketBlock.iface` is a 16-bit number. */
export const MAX_INTERFACES = 65_535;

/** Longest interface name kept, in bytes. Linux allows 15; Windows names are GUIDs of about 50. */
export const MAX_INTERFACE_NAME_BYTES = 256;

/**
 * Compressed bytes given to zlib at a time. It drops the output of the piece in which it finds damage, so a piece is small.
 * It bounds a decompression bomb as well: a piece becomes at most 1032 times as long.
 */
export const GZIP_PIECE_BYTES = 16_384;

/** Compressed bytes given to the xz decoder at a time: it too drops the output of a damaged piece. */
export const XZ_PIECE_BYTES = 4_096;

/**
 * Largest zstd window accepted: what libzstd allows by itself, and what `zstd --long` asks for. What `--long=28` and
 * above wrote is refused, with the command that unpacks it.
 */
export const MAX_ZSTD_WINDOW_BYTES = 134_217_728;

/** Longest zstd block, RFC 8878 3.1.1.2.4. */
export const MAX_ZSTD_BLOCK_BYTES = 131_072;

/** Bytes looked at to tell what a file is: a tar archive shows itself at offset 257. */
export const SNIFF_BYTES = 512;

/**
 * Longest filter expression given to libpcap: some hundred networks. The time that its compiler takes grows with more than the
 * square; native/pcap-filter/ has the other half of this cap.
 */
export const MAX_FILTER_CHARACTERS = 16_384;

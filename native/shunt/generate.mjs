/**
 * Compiles shunt.bpf.c and writes its code as a header, so that installing needs no clang.
 *
 *     node native/shunt/generate.mjs            writes generated/shunt-bytecode.h
 *     node native/shunt/generate.mjs --check    exit status 0 it is current, 1 it is not, 2 can't be told
 *
 * The header names the hash of the source and clang's major version. A header of another source is stale wherever it is looked at,
 * with or without clang. Another version of clang gives other code from the same source, so the code itself is compared only
 * where the same major version is installed; elsewhere the check ends with status 2 and the reason.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const sourceFile = path.join(here, 'shunt.bpf.c');
const headerFile = path.join(here, 'generated', 'shunt-bytecode.h');

/** Version 2 of the instruction set: kernel 4.14. Everything else the code asks for is newer. */
const FLAGS = ['-target', 'bpf', '-mcpu=v2', '-O2', '-Wall', '-Wextra', '-Werror'];
const PROGRAMS = ['socket', 'filtered', 'xdp'];
/** In the order of `enum shunt_table` in shunt.h. */
const TABLES = ['shunt_flows', 'shunt_finished', 'shunt_counters', 'shunt_settings'];

const SHT_SYMTAB = 2;
const SHT_REL = 9;
const R_BPF_64_64 = 1;
const INSTRUCTION_LEN = 8;
const LD_IMM64 = 0x18;

const sourceHash = createHash('sha256').update(readFileSync(sourceFile)).digest('hex');
process.exitCode = process.argv.includes('--check') ? check() : write();

function write() {
  const major = clangMajor();
  if (major === null) {
    console.error('clang is not installed: apt install clang');
    return 2;
  }
  writeFileSync(headerFile, toHeader(compile(), major));
  return 0;
}

function check() {
  const header = readFileSync(headerFile, 'utf8');
  if (!header.includes(`source ${sourceHash}`)) {
    console.error('generated/shunt-bytecode.h was made from another shunt.bpf.c: run npm run gen:shunt');
    return 1;
  }
  const major = clangMajor();
  const recorded = /clang (\d+)/.exec(header)?.[1];
  if (major !== recorded) {
    const found = major === null ? 'clang is not installed' : `clang ${major} is installed`;
    console.error(`the code can't be compared: it was made by clang ${recorded}, and ${found}`);
    return 2;
  }
  if (header !== toHeader(compile(), major)) {
    console.error('generated/shunt-bytecode.h is not what clang makes of shunt.bpf.c: run npm run gen:shunt');
    return 1;
  }
  return 0;
}

function clangMajor() {
  try {
    const text = execFileSync('clang', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return /clang version (\d+)/.exec(text)?.[1] ?? null;
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/** The object file. */
function compile() {
  const folder = mkdtempSync(path.join(tmpdir(), 'spanglass-shunt-'));
  try {
    const object = path.join(folder, 'shunt.o');
    execFileSync('clang', [...FLAGS, '-c', sourceFile, '-o', object], { stdio: 'inherit' });
    return readFileSync(object);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Reads as much of a little-endian ELF-64 file as clang writes for BPF: sections, symbols, relocations without addend. */
function readSections(object) {
  const at = Number(object.readBigUInt64LE(0x28));
  const size = object.readUInt16LE(0x3a);
  const count = object.readUInt16LE(0x3c);
  const namesIndex = object.readUInt16LE(0x3e);
  const sections = Array.from({ length: count }, (_, index) => {
    const base = at + index * size;
    const offset = Number(object.readBigUInt64LE(base + 0x18));
    return {
      index,
      nameAt: object.readUInt32LE(base),
      type: object.readUInt32LE(base + 4),
      bytes: object.subarray(offset, offset + Number(object.readBigUInt64LE(base + 0x20))),
      link: object.readUInt32LE(base + 0x28),
      info: object.readUInt32LE(base + 0x2c),
    };
  });
  for (const section of sections) section.name = textAt(sections[namesIndex].bytes, section.nameAt);
  return sections;
}

function textAt(bytes, at) {
  return bytes.toString('latin1', at, bytes.indexOf(0, at));
}

/** Instructions of a program, and which of them name a table. */
function readProgram(sections, name) {
  const section = sections.find((one) => one.name === name);
  if (section === undefined) throw new Error(`no section ${name}`);
  const symbols = sections.find((one) => one.type === SHT_SYMTAB);
  const relocations = [];
  for (const { bytes } of sections.filter((one) => one.type === SHT_REL && one.info === section.index)) {
    for (let at = 0; at < bytes.length; at += 16) {
      const instructionAt = Number(bytes.readBigUInt64LE(at));
      if (bytes.readUInt32LE(at + 8) !== R_BPF_64_64) throw new Error(`${name}: a relocation of another type`);
      if (section.bytes[instructionAt] !== LD_IMM64) throw new Error(`${name}: a relocation of another instruction`);
      const symbol = textAt(sections[symbols.link].bytes, symbols.bytes.readUInt32LE(bytes.readUInt32LE(at + 12) * 24));
      const table = TABLES.indexOf(symbol);
      if (table < 0) throw new Error(`${name}: no table is called ${symbol}`);
      relocations.push({ index: instructionAt / INSTRUCTION_LEN, table });
    }
  }
  return { name, code: section.bytes, relocations };
}

function toHeader(object, major) {
  const sections = readSections(object);
  const programs = PROGRAMS.map((name) => readProgram(sections, name));
  return `/**
 * Generated by native/shunt/generate.mjs from shunt.bpf.c. Not to be edited.
 *
 * clang ${major}, ${FLAGS.join(' ')}
 * source ${sourceHash}
 */
#ifndef SPANGLASS_SHUNT_BYTECODE_H
#define SPANGLASS_SHUNT_BYTECODE_H

#include <stdint.h>

struct shunt_relocation {
  uint16_t index; /* of the instruction that names a table */
  uint16_t table;
};

${programs.map(programText).join('\n')}
#endif
`;
}

function programText({ name, code, relocations }) {
  const words = [];
  for (let at = 0; at < code.length; at += INSTRUCTION_LEN) {
    words.push(`0x${code.readBigUInt64LE(at).toString(16).padStart(16, '0')}`);
  }
  const lines = [];
  for (let i = 0; i < words.length; i += 6) lines.push(`  ${words.slice(i, i + 6).join(', ')},`);
  const pairs = relocations.map(({ index, table }) => `{${index}, ${table}}`);
  return `/* ${words.length} instructions, each as a little-endian word. */
static const uint64_t shunt_${name}_code[] = {
${lines.join('\n')}
};
static const struct shunt_relocation shunt_${name}_relocations[] = {${pairs.join(', ')}};
`;
}

// assent-verify, a second time: exports, two exports beside each other, receipts and membership proofs of an Assent
// audit log, checked offline in a browser or with Node.js 20. Written from the formats (RFC 6962, RFC 8032, RFC 8785,
// C2SP signed-note, tlog-checkpoint, tlog-tiles, tlog-proof, tlog-policy), so that a mistake of the Python verifier is
// not repeated here.
// The only libraries are @noble/curves and @noble/hashes. No build step: the file that is read is the file that runs.

import { ed25519 } from '@noble/curves/ed25519.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';

const WIDTH = 256; // hashes of a full tile
const HASH = 32; // bytes
const MAX_SIGNATURES = 64;
const MAX_REASONS = 20;
const MAX_RECEIPT = 2 ** 20; // bytes

export class CheckError extends Error {
  // check: which check failed; kind: SHAPE, DIGEST or SIGNATURE where a caller wants to know.
  constructor(check, reason, kind = 'SHAPE') {
    super(reason);
    this.check = check;
    this.kind = kind;
  }
}

const fail = (reason, kind = 'SHAPE') => {
  throw new CheckError('', reason, kind);
};

/** Run a part whose failures belong to one check. */
function within(check, part) {
  try {
    return part();
  } catch (error) {
    if (!(error instanceof CheckError)) throw error;
    throw new CheckError(check, error.message, error.kind);
  }
}

// ---- bytes, text, base64, hex -------------------------------------------------------------------------------------

const encoder = new TextEncoder();
const utf8 = (text) => encoder.encode(text);

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}

export const same = (a, b) => a.length === b.length && a.every((byte, place) => byte === b[place]);

const less = (a, b) => {
  const place = a.findIndex((byte, at) => byte !== b[at]);
  return place >= 0 && a[place] < b[place];
};

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Short bytes as text, each a character: patterns of ASCII match what is ASCII. */
const ascii = (bytes) => String.fromCharCode(...bytes);

function bytesOfHex(digits) {
  if (typeof digits !== 'string' || !/^([0-9a-f]{2})*$/.test(digits)) fail('not lower-case hex digits');
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function text(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail('not UTF-8');
  }
}

/** Text in which bytes that are no UTF-8 stand for themselves, as lone surrogates: names there need not be text. */
function opaqueText(bytes) {
  try {
    return text(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join('');
  }
}

export function base64(bytes) {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Decode standard base64 in its only spelling. */
export function fromBase64(encoded) {
  if (typeof encoded !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) fail('not base64');
  let binary;
  try {
    binary = atob(encoded);
  } catch {
    fail('not base64');
  }
  if (btoa(binary) !== encoded) fail('base64 with stray bits');
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

// ---- RFC 8785, for records of text, integers, booleans, null, lists and objects ------------------------------------

export function serialize(value) {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') {
    if (/\p{Surrogate}/u.test(value)) fail('a text with lone surrogates');
    return JSON.stringify(value);
  }
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  if (Array.isArray(value)) return `[${value.map(serialize).join(',')}]`;
  if (isObject(value)) {
    const names = Object.keys(value).sort(); // by UTF-16 code units, as RFC 8785 asks
    return `{${names.map((name) => `${serialize(name)}:${serialize(value[name])}`).join(',')}}`;
  }
  return fail('not a text, an integer within 2^53 - 1, a boolean, null, a list or an object');
}

/** Read canonical bytes and nothing else: no repeated names, no other order, spacing, escapes or numbers. */
export function parse(bytes) {
  let value;
  let canonical;
  try {
    value = JSON.parse(text(bytes));
    canonical = utf8(serialize(value));
  } catch (error) {
    if (error instanceof CheckError) throw error;
    fail(error instanceof RangeError ? 'nested too deeply' : 'not JSON');
  }
  if (!same(canonical, bytes)) fail('JSON, but not in canonical form');
  return value;
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const hasFields = (value, names) => isObject(value) && serialize(Object.keys(value).sort()) === serialize([...names].sort());

/** A party's key among those that the reader brought; a party may be called like what every object has. */
const pinnedKey = (keys, party) => (Object.hasOwn(keys, party) ? keys[party] : undefined);

// ---- Ed25519 as RFC 8032 has it, without a cofactor, with keys that every verifier treats alike -------------------

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const { Point } = ed25519;

const fromLittleEndian = (bytes) => BigInt(`0x${hex(Uint8Array.from(bytes).reverse())}`);

export function trustedKey(key) {
  if (key.length !== 32) fail('an Ed25519 key has 32 bytes');
  if ((fromLittleEndian(key) & (2n ** 255n - 1n)) >= P) fail('not a canonical Ed25519 key');
  let point;
  try {
    point = Point.fromBytes(Uint8Array.from(key), true);
  } catch {
    fail('not a point of Edwards25519');
  }
  if (point.isSmallOrder()) fail('an Ed25519 key of low order');
  return key;
}

/** Whether R encodes S·B - k·A: the equation of RFC 8032, section 5.1.7, as the libraries of most verifiers check it. */
export function signatureOk(key, message, signature) {
  if (signature.length !== 64) return false;
  const s = fromLittleEndian(signature.subarray(32));
  if (s >= ORDER) return false;
  const k = fromLittleEndian(sha512(concat(signature.subarray(0, 32), key, message))) % ORDER;
  const point = Point.fromBytes(Uint8Array.from(key), true);
  const r = Point.BASE.multiplyUnsafe(s).subtract(point.multiplyUnsafe(k));
  return same(r.toBytes(), signature.subarray(0, 32));
}

// ---- signed notes, checkpoints, policies ---------------------------------------------------------------------------

const NAME = '[^\\u0000-\\u0020+\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
const VKEY = new RegExp(`^(${NAME})\\+([0-9a-f]{8})\\+([A-Za-z0-9+/=]+)$`, 'u');
const SIGNATURE_LINE = new RegExp(`^\u2014 (${NAME}) ([A-Za-z0-9+/=]+)$`, 'u');
const ED25519 = 1;
const COSIGNATURE = 4;

/** Read name+hex(id)+base64(type || key): type 1 signs the text, type 4 (a witness) signs it with a time. */
export function parseVkey(encoded, type = ED25519) {
  const match = VKEY.exec(encoded) ?? fail('not a verifier key of the form name+id+key');
  const typed = fromBase64(match[3]);
  if (typed[0] !== type) fail(`not an Ed25519 verifier key (type ${type})`);
  const publicKey = trustedKey(typed.subarray(1));
  const id = hex(sha256(concat(utf8(`${match[1]}\n`), typed)).subarray(0, 4));
  if (id !== match[2]) fail("the verifier key's id does not belong to its name and key");
  return { name: match[1], id, type: typed[0], publicKey, text: encoded };
}

/** Split a note into its text and signatures, none of them checked. */
export function splitNote(note) {
  const content = text(note);
  if (/[\u0000-\u0009\u000b-\u001f]/.test(content)) fail('a note with control characters');
  const end = content.lastIndexOf('\n\n');
  if (end < 0 || !content.endsWith('\n') || content.length === end + 2) fail('a note without signature lines');
  const signatures = content.slice(end + 2, -1).split('\n').map((line) => {
    const match = SIGNATURE_LINE.exec(line) ?? fail('a note with a malformed signature line');
    const encoded = fromBase64(match[2]);
    if (encoded.length <= 4) fail('a note with a malformed signature line');
    return { name: match[1], id: hex(encoded.subarray(0, 4)), signature: encoded.subarray(4) };
  });
  if (signatures.length > MAX_SIGNATURES) fail(`a note with more than ${MAX_SIGNATURES} signatures`);
  return { text: content.slice(0, end + 1), signatures };
}

/** Check every signature by a known key; return the keys that signed, at least one, with the times of witnesses. */
export function checkSignatures(note, known) {
  const signed = new Map();
  for (const { name, id, signature } of note.signatures) {
    const key = known.find((one) => one.name === name && one.id === id);
    if (key === undefined) continue; // a witness or an algorithm that the reader does not know
    let message = utf8(note.text);
    let bare = signature;
    let time = 0n;
    if (key.type === COSIGNATURE) {
      if (signature.length !== 72) fail(`the signature by ${key.text} does not verify`, 'SIGNATURE');
      time = signature.subarray(0, 8).reduce((value, byte) => value * 256n + BigInt(byte), 0n);
      if (time >= 2n ** 63n) fail(`the signature by ${key.text} does not verify`, 'SIGNATURE');
      message = concat(utf8(`cosignature/v1\ntime ${time}\n`), message);
      bare = signature.subarray(8);
    }
    if (!signatureOk(key.publicKey, message, bare)) fail(`the signature by ${key.text} does not verify`, 'SIGNATURE');
    if (!signed.has(key)) signed.set(key, time);
  }
  if (signed.size === 0) fail('no signature by a key that is trusted here', 'SIGNATURE');
  return signed;
}

export function parseCheckpoint(noteText) {
  const lines = noteText.split('\n');
  if (lines.pop() !== '' || lines.length < 3 || lines.some((line) => line === '')) {
    fail('a checkpoint has at least three lines, none of them empty');
  }
  if (!/^(0|[1-9][0-9]{0,18})$/.test(lines[1]) || BigInt(lines[1]) >= 2n ** 63n) {
    fail("a checkpoint's second line is its size");
  }
  const root = fromBase64(lines[2]);
  if (root.length !== HASH) fail("a checkpoint's third line is a root of 32 bytes");
  return { origin: lines[0], size: BigInt(lines[1]), root };
}

/** Read a checkpoint that a known key of its own log must have signed: a key is named as the log's origin is. */
export function readCheckpoint(note, known) {
  const split = splitNote(note);
  const head = parseCheckpoint(split.text);
  const own = known.filter((key) => key.name === head.origin);
  if (known.length && !own.length) fail(`is of another log than the keys that are known here: ${head.origin}`, 'SIGNATURE');
  checkSignatures(split, own);
  return head;
}

/** Read a checkpoint as a policy demands it; return it with the cosignatures of the policy's witnesses. */
export function readByPolicy(note, policy, logKeys = []) {
  const split = splitNote(note);
  const head = parseCheckpoint(split.text);
  const logs = (policy.logs.length ? policy.logs : logKeys).filter((key) => key.name === head.origin);
  if (!logs.length) fail(`neither the policy nor --vkey names a log ${head.origin}`, 'SIGNATURE');
  const [log] = checkSignatures(split, logs).keys();
  const witnesses = [...policy.witnesses.values()];
  const known = split.signatures.some(({ name, id }) => witnesses.some((key) => key.name === name && key.id === id));
  const signed = known ? checkSignatures(split, witnesses) : new Map();
  if (!quorumHolds(policy, signed)) {
    fail(`${signed.size} cosignatures by witnesses of the policy are not its quorum ${policy.quorum}`, 'SIGNATURE');
  }
  const cosigned = [...policy.witnesses]
    .filter(([, key]) => signed.has(key))
    .map(([witness, key]) => ({ witness, time: Number(signed.get(key)) }));
  return { ...head, log, cosigned };
}

/** Read a policy (C2SP tlog-policy): logs, witnesses, groups and the quorum. */
export function parsePolicy(bytes) {
  const allowed = (byte) => byte === 9 || byte === 10 || (byte >= 0x20 && byte !== 0x7f);
  if (bytes.length > 65_536 || !bytes.every(allowed)) fail('a policy is longer than 64 KiB or has control characters');
  const content = opaqueText(bytes);
  if (content !== '' && !content.endsWith('\n')) fail("the policy's last line is cut");
  const policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: null };
  const { logs, witnesses, groups } = policy;
  const grouped = new Set();
  const isKnown = (name) => witnesses.has(name) || groups.has(name);
  for (const line of content.split('\n')) {
    const [word, ...rest] = line.split(/[ \t]+/).filter((part) => part !== '');
    if (word === undefined || word.startsWith('#')) continue;
    if (word === 'log' && (rest.length === 1 || rest.length === 2)) {
      const key = parseVkey(rest[0]);
      if (logs.some((other) => same(other.publicKey, key.publicKey))) fail('a policy names a log twice');
      logs.push(key);
    } else if (word === 'witness' && (rest.length === 2 || rest.length === 3)) {
      const key = parseVkey(rest[1], COSIGNATURE);
      // One witness under two names would count twice.
      if ([...witnesses.values()].some((other) => same(other.publicKey, key.publicKey))) fail('a policy names a witness twice');
      if (rest[0] === 'none' || isKnown(rest[0])) fail('a policy gives a name two meanings');
      witnesses.set(rest[0], key);
    } else if (word === 'group' && rest.length >= 3) {
      const [name, threshold, ...members] = rest;
      if (name === 'none' || isKnown(name)) fail('a policy gives a name two meanings');
      for (const member of members) {
        if (!isKnown(member) || grouped.has(member)) fail('a group of a policy has an unknown member, or one of another group');
        grouped.add(member);
      }
      const words = new Map([['all', members.length], ['any', 1]]);
      const k = words.get(threshold) ?? (/^[1-9][0-9]{0,2}$/.test(threshold) ? Number(threshold) : 0);
      if (k < 1 || k > members.length) fail('a group of a policy needs all, any, or a number up to that of its members');
      groups.set(name, { k, members });
    } else if (word === 'quorum' && rest.length === 1 && policy.quorum === null) {
      if (rest[0] !== 'none' && !isKnown(rest[0])) fail('the quorum of a policy is no witness or group');
      [policy.quorum] = rest;
    } else fail('a policy with a line that is no log, witness, group or (one) quorum');
    if (Math.max(logs.length, witnesses.size, groups.size) > 64) fail('a policy with more than 64 of a kind');
  }
  if (policy.quorum === null) fail('a policy without a quorum line');
  return policy;
}

/** Read keys as people paste them, one a line: a log's verifier key, `party=base64`, or the lines of a policy. */
export function parseKeys(written) {
  const keys = { logKeys: [], partyKeys: Object.create(null), policy: null };
  const policy = [];
  for (const line of written.split('\n').map((one) => one.trim()).filter(Boolean)) {
    const [, party, encoded] = /^([^=\s+]+)=([A-Za-z0-9+/]{43}=)$/.exec(line) ?? [];
    if (/^(#|(log|witness|group|quorum)[ \t])/.test(line)) policy.push(`${line}\n`);
    else if (party === undefined) keys.logKeys.push(parseVkey(line));
    else if (party in keys.partyKeys) fail('a party is named twice');
    else keys.partyKeys[party] = trustedKey(fromBase64(encoded));
  }
  if (policy.some((line) => !line.startsWith('#'))) keys.policy = parsePolicy(utf8(policy.join('')));
  return keys;
}

function quorumHolds(policy, signed, name = policy.quorum) {
  if (name === 'none') return true;
  const key = policy.witnesses.get(name);
  if (key !== undefined) return signed.has(key);
  const { k, members } = policy.groups.get(name);
  return members.filter((member) => quorumHolds(policy, signed, member)).length >= k;
}

// ---- the tree of RFC 6962 ------------------------------------------------------------------------------------------

export const leafHash = (entry) => sha256(concat(Uint8Array.of(0), entry));
export const nodeHash = (left, right) => sha256(concat(Uint8Array.of(1), left, right));

export function treeRoot(hashes) {
  if (!hashes.length) return sha256(new Uint8Array());
  let row = hashes;
  while (row.length > 1) {
    const above = [];
    for (let at = 0; at < row.length; at += 2) {
      above.push(at + 1 < row.length ? nodeHash(row[at], row[at + 1]) : row[at]);
    }
    row = above;
  }
  return row[0];
}

const splitOf = (size) => 1n << BigInt((size - 1n).toString(2).length - 1);

/** Check an inclusion proof, by the recursion of RFC 6962, section 2.1.1, read backwards. */
export function verifyInclusion(leaf, index, size, proof, root) {
  const [place, count] = [BigInt(index), BigInt(size)];
  if (count >= 2n ** 63n || [leaf, root, ...proof].some((hash) => hash.length !== HASH)) fail('a hash of 32 bytes');
  if (place < 0n || place >= count) fail('an inclusion proof for an index outside its tree');
  const path = [...proof];
  const climb = (m, n) => {
    if (n === 1n) return leaf;
    const k = splitOf(n);
    const beside = path.pop() ?? fail('an inclusion proof is too short for its index and size');
    return m < k ? nodeHash(climb(m, k), beside) : nodeHash(beside, climb(m - k, n - k));
  };
  const led = climb(place, count);
  if (path.length) fail('an inclusion proof is too long for its index and size');
  if (!same(led, root)) fail("an inclusion proof leads to another root than the checkpoint's", 'DIGEST');
}

/** Check a consistency proof, by the recursion of RFC 6962, section 2.1.2, read backwards. */
export function verifyConsistency(oldSize, size, proof, oldRoot, root) {
  const [m, n] = [BigInt(oldSize), BigInt(size)];
  if (m < 1n || m > n || n >= 2n ** 63n) fail('a consistency proof needs 1 <= old size <= size');
  if (m === n) {
    if (proof.length) fail('a consistency proof has the wrong length for its sizes');
    if (!same(oldRoot, root)) fail('two trees of one size have different roots: the log forked', 'DIGEST');
    return;
  }
  const path = [...proof];
  // Both roots of a range from the same hashes; the old root itself stands for the one that the proof leaves out.
  const climb = (old, count, known) => {
    if (old === count) {
      const hash = known ? oldRoot : (path.pop() ?? fail('a consistency proof is too short for its sizes'));
      return [hash, hash];
    }
    const k = splitOf(count);
    const beside = path.pop() ?? fail('a consistency proof is too short for its sizes');
    if (old <= k) {
      const [before, after] = climb(old, k, known);
      return [before, nodeHash(after, beside)];
    }
    const [before, after] = climb(old - k, count - k, false);
    return [nodeHash(beside, before), nodeHash(beside, after)];
  };
  const [before, after] = climb(m, n, true);
  if (path.length) fail('a consistency proof is too long for its sizes');
  if ([oldRoot, root, ...proof].some((hash) => hash.length !== HASH)) fail('a hash of 32 bytes');
  if (!same(before, oldRoot)) fail('a consistency proof does not lead to the older root', 'DIGEST');
  if (!same(after, root)) fail('a consistency proof does not lead to the newer root', 'DIGEST');
}

/** The tree rebuilt from the left, a full bundle at a time; keeps one unfinished tile per level. */
export class TreeBuilder {
  #open = [];

  #done = [];

  /** Append at most one bundle's leaf hashes; return the tiles that this fills. Bundles are full but for the last. */
  add(leaves) {
    const filled = [];
    let fresh = leaves;
    for (let level = 0; fresh.length; level += 1) {
      if (level === this.#open.length) {
        this.#open.push([]);
        this.#done.push(0);
      }
      this.#open[level].push(...fresh);
      if (this.#open[level].length < WIDTH) break;
      const full = this.#open[level].splice(0);
      filled.push({ level, index: this.#done[level], hashes: concat(...full) });
      this.#done[level] += 1;
      fresh = [treeRoot(full)];
    }
    return filled;
  }

  /** The unfinished tiles. */
  partial() {
    return this.#open.flatMap((hashes, level) =>
      hashes.length ? [{ level, index: this.#done[level], hashes: concat(...hashes) }] : [],
    );
  }

  /** The root so far, with fewer than 256 further leaves where level 0 is empty. */
  root(further = []) {
    let right = null;
    this.#open.forEach((hashes, level) => {
      let row = level === 0 ? [...hashes, ...further] : hashes;
      if (right === null) {
        right = row.length ? treeRoot(row) : null;
        return;
      }
      // Perfect subtrees of falling size lie to the left; the smallest joins first.
      for (let size = 1; row.length; size *= 2) {
        if (row.length & size) {
          right = nodeHash(treeRoot(row.slice(row.length - size)), right);
          row = row.slice(0, row.length - size);
        }
      }
    });
    return right ?? treeRoot(further);
  }
}

export function numbered(index) {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0');
  const groups = digits.match(/[0-9]{3}/g);
  return [...groups.slice(0, -1).map((group) => `x${group}`), groups.at(-1)].join('/');
}

export const tilePath = (level, index, width) =>
  `tile/${level}/${numbered(index)}${width === WIDTH ? '' : `.p/${width}`}`;

/** Level, index and width of every tile of a tree. */
export function* tilesOf(size) {
  for (let level = 0, count = size; count; level += 1, count = Math.floor(count / WIDTH)) {
    for (let index = 0; index * WIDTH < count; index += 1) {
      yield { level, index, width: Math.min(WIDTH, count - index * WIDTH) };
    }
  }
}

function* bundlesOf(size) {
  for (const { level, index, width } of tilesOf(size)) {
    if (level) return;
    yield { index, width };
  }
}

// ---- an export -----------------------------------------------------------------------------------------------------

const FILE_PATH = new RegExp(
  '^(checkpoint|log\\.vkey|tile/([0-9]|entries)/(x[0-9]{3}/)*[0-9]{3}(\\.p/[1-9][0-9]{0,2})?' +
    '|opened/(x[0-9]{3}/)*[0-9]{3}\\.jsonl|runs/[0-9a-f]{64}\\.json)$',
);
const TIME = '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z';
const LEAF = new RegExp(
  `^\\{"commitment":"([A-Za-z0-9+/]{43}=)","time":"(${TIME})","type":"([a-z][a-z_]{0,39})","v":1\\}$`,
);
const OPENED_HEAD = /^\{"index":(0|[1-9][0-9]{0,15}),"payload":(?=\{)/;
const OPENED_TAIL = /^\},"salt":"([A-Za-z0-9+/]{43}=)"\}$/;
const OPENED_TAIL_BYTES = 56;
const MANIFEST_FIELDS =
  ['agreement_key', 'created', 'files', 'filter', 'operator', 'origin', 'party', 'root', 'size', 'v'];

function parseManifest(bytes) {
  const record = parse(bytes);
  if (!hasFields(record, MANIFEST_FIELDS) || record.v !== 1) {
    fail('not a manifest of version 1');
  }
  const { files, size, v, ...texts } = record;
  if (Object.values(texts).some((value) => typeof value !== 'string') || typeof size !== 'number') {
    fail('a field has the wrong type');
  }
  if (!Array.isArray(files)) fail('the files are not a list');
  let before = '';
  const listed = new Map();
  for (const file of files) {
    if (!hasFields(file, ['bytes', 'path', 'rows', 'sha256'])) fail('a file is listed without its four fields');
    if (typeof file.path !== 'string' || !FILE_PATH.test(file.path)) fail('a file is listed under a name that no export has');
    if (![file.bytes, file.rows].every((count) => Number.isSafeInteger(count) && count >= 0)) fail('a file is listed without its size or rows');
    if (!/^[0-9a-f]{64}$/.test(file.sha256)) fail('a file is listed without its SHA-256');
    if (file.path <= before) fail('the files are not listed once each, in order');
    before = file.path;
    listed.set(file.path, file);
  }
  const manifest = { ...record, files: listed, root: fromBase64(record.root) };
  return { ...manifest, agreement_key: trustedKey(fromBase64(record.agreement_key)) };
}

/** Whether a day and time exist; there is no year 0. */
function isTime(written) {
  if (written.startsWith('0000')) return false;
  const at = new Date(`${written.slice(0, 23)}Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 23) === written.slice(0, 23);
}

/** Read one leaf: its commitment, time and type. */
export function parseLeaf(entry) {
  const match = entry.length > 200 ? null : LEAF.exec(ascii(entry));
  if (match === null || !isTime(match[2])) fail('is not an audit leaf of version 1');
  return { commitment: match[1], time: match[2], type: match[3] };
}

/** Check that a leaf commits to a payload; return the payload as a record. */
function openLeaf(leaf, payload, salt) {
  const record = within('', () => parse(payload));
  if (!same(hmac(sha256, fromBase64(salt), payload), fromBase64(leaf.commitment))) {
    fail('the opened payload is not the one that was logged', 'DIGEST');
  }
  return record;
}

/**
 * Check an export. `files` is {paths, odd, read}: relative paths of all its files, of what is neither file nor folder,
 * and path -> bytes or null. `trust` is {logKeys, partyKeys, since, policy}: verifier keys, Ed25519 keys by party, the
 * bytes of an earlier checkpoint, and logs and witnesses of which the checkpoint needs a quorum. Returns a report; `report.ok` is the verdict and `report.failures` the reasons.
 */
export async function verifyExport(files, trust = {}) {
  return (await examine(files, trust)).report;
}

/** The report, and which runs of the log came without their evidence. */
async function examine(files, { logKeys = [], partyKeys = {}, since = null, policy = null }) {
  const report = {
    ok: false, failures: [], party: '', created: '', operator: '', filter: '', origin: '', log_key: '',
    log_key_pinned: false, party_key_pinned: false, size: 0, root: '', entries: 0, types: Object.create(null), first_time: '',
    last_time: '', opened: 0, erased: 0, since: null, unread: 0, runs: [], runs_without_evidence: 0, policy: policy !== null,
    cosigned: [],
  };
  const failed = (check, reason) => report.failures.push({ check, reason });
  const attempt = async (check, part) => {
    try {
      return await part();
    } catch (error) {
      if (!(error instanceof CheckError)) throw error;
      failed(error.check || check, error.message);
      return null;
    }
  };
  const stop = (check, reason) => {
    throw new CheckError(check, reason);
  };

  let manifest;
  const read = async (path) => {
    const listed = manifest.files.get(path) ?? stop('files', `${path}: the manifest does not list it`);
    const content = (await files.read(path)) ?? stop('files', `${path}: cannot be read`);
    if (content.length !== listed.bytes || hex(sha256(content)) !== listed.sha256) {
      failed('files', `${path}: is not the file that the manifest lists (its SHA-256 differs)`);
    }
    return content;
  };

  // 1. The manifest is signed by the party; the files are those it lists, and those that the log's size asks for.
  const checkManifest = async () => {
    const [encoded, line] = [await files.read('manifest.json'), await files.read('manifest.sig')];
    if (encoded === null || line === null) stop('manifest', 'manifest.json or manifest.sig cannot be read');
    try {
      manifest = parseManifest(encoded);
    } catch (error) {
      if (!(error instanceof CheckError)) throw error;
      stop('manifest', `manifest.json: ${error.message}`);
    }
    for (const name of ['party', 'created', 'operator', 'filter']) report[name] = manifest[name];
    const key = pinnedKey(partyKeys, manifest.party);
    report.party_key_pinned = key !== undefined;
    if (key !== undefined && !same(key, manifest.agreement_key)) {
      failed('manifest', `the key of ${manifest.party} is not the one given by --party-key`);
    }
    let signature = new Uint8Array();
    try {
      signature = fromBase64(text(line).replace(/\n$/, ''));
    } catch (error) {
      if (!(error instanceof CheckError)) throw error;
    }
    if (!signatureOk(key ?? manifest.agreement_key, concat(utf8('assent export v1\n'), encoded), signature)) {
      failed('manifest', `manifest.sig: is no signature of ${manifest.party} over manifest.json`);
    }
  };

  const checkFiles = (size) => {
    if (size > BigInt(WIDTH * manifest.files.size)) {
      stop('files', `the manifest lists too few files for a log of ${size} entries`);
    }
    for (const path of files.odd ?? []) failed('files', `${path}: is a link or device, not a file`);
    for (const path of [...files.paths].sort()) {
      if (!manifest.files.has(path) && path !== 'manifest.json' && path !== 'manifest.sig') {
        failed('files', `${path}: is not in the manifest`);
      }
    }
    const wanted = new Map([['checkpoint', 1], ['log.vkey', 1]]);
    for (const { level, index, width } of tilesOf(Number(size))) wanted.set(tilePath(level, index, width), width);
    const opened = new Set();
    for (const { index, width } of bundlesOf(Number(size))) {
      wanted.set(tilePath('entries', index, width), width);
      opened.add(`opened/${numbered(index)}.jsonl`);
    }
    for (const path of [...wanted.keys()].sort()) {
      if (!manifest.files.has(path)) failed('files', `${path}: is missing from the export of a log of ${size} entries`);
    }
    for (const [path, listed] of manifest.files) {
      if (opened.has(path)) continue; // its rows are counted with its lines
      const rows = wanted.get(path) ?? 1;
      if (!wanted.has(path) && !path.startsWith('runs/')) failed('files', `${path}: does not belong to a log of ${size} entries`);
      else if (listed.rows !== rows) failed('files', `${path}: is listed with ${listed.rows} rows instead of ${rows}`);
    }
  };

  // 2. The checkpoint is signed by the log, and the manifest names the same one.
  let keys = logKeys.length || policy === null ? logKeys : policy.logs;
  const checkCheckpoint = async () => {
    const line = await read('log.vkey');
    const own = (() => {
      try {
        return parseVkey(text(line).replace(/\n$/, ''));
      } catch (error) {
        if (!(error instanceof CheckError)) throw error;
        return stop('checkpoint', `log.vkey: ${error.message}`);
      }
    })();
    const known = keys.some((key) => key.text === own.text);
    if (keys.length && !known) {
      failed('checkpoint', 'log.vkey: is none of the keys given by --vkey, or named by the policy');
    }
    report.log_key_pinned = keys.length > 0;
    if (!keys.length) keys = [own];
    report.log_key = known ? own.text : keys[0].text;
    const note = await read('checkpoint');
    const head =
      (await attempt('checkpoint', () => readCheckpoint(note, keys))) ??
      within('checkpoint', () => parseCheckpoint(splitNote(note).text));
    if (policy !== null) {
      report.cosigned = (await attempt('policy', () => readByPolicy(note, policy, keys)))?.cosigned ?? [];
    }
    Object.assign(report, { origin: head.origin, size: Number(head.size), root: base64(head.root) });
    if (manifest.origin !== head.origin || BigInt(manifest.size) !== head.size || !same(manifest.root, head.root)) {
      failed('manifest', 'manifest.json: names another checkpoint than the one exported');
    }
    return head;
  };

  const earlier = (head) => {
    if (since === null) return null;
    const old = readCheckpoint(since, keys);
    if (old.origin !== head.origin) fail('the earlier checkpoint is of another log');
    if (old.size > head.size) fail(`the log shrank: ${old.size} entries were promised, ${head.size} are here`);
    return old;
  };

  // 3., 4. All entries, hashed again, give the root; every tile agrees; every opened payload is the one committed to.
  const logged = new Map();
  const openedRows = new Map(); // bundle -> which of its entries were opened
  const erased = new Map(); // entry -> the erasure that names it
  const checkOpened = (path, index, content, rows, headers) => {
    const lines = [];
    let start = 0;
    for (let end = content.indexOf(10); end >= 0; start = end + 1, end = content.indexOf(10, start)) {
      lines.push(content.subarray(start, end));
    }
    if (start !== content.length || lines.length !== rows) fail(`${path}: does not hold ${rows} whole lines`);
    let before = -1;
    lines.forEach((line, number) => {
      const head = OPENED_HEAD.exec(ascii(line.subarray(0, 40)));
      const tail = OPENED_TAIL.exec(ascii(line.subarray(-OPENED_TAIL_BYTES)));
      const place = head === null || tail === null ? -1 : Number(head[1]);
      if (place <= before || Math.floor(place / WIDTH) !== index || place % WIDTH >= headers.length) {
        fail(`${path}: line ${number + 1} opens no entry of its bundle, in order`);
      }
      before = place;
      const header = headers[place % WIDTH];
      try {
        const payload = openLeaf(header, line.subarray(head[0].length, 1 - OPENED_TAIL_BYTES), tail[1]);
        report.opened += 1;
        openedRows.get(index)[place % WIDTH] = 1;
        if (header.type === 'run_record' || header.type === 'run_signature') {
          const session = String(payload.session);
          logged.set(session, [...(logged.get(session) ?? []), { type: header.type, payload }]);
        } else if (header.type === 'subject_erased') {
          const named = payload.entries ?? []; // releases before it named none
          const before = (entry) => Number.isSafeInteger(entry) && entry >= 0 && entry < place;
          if (!Array.isArray(named) || !named.every(before)) {
            failed('erased', `entry ${place}: names as erased what is no entry before it`);
          } else for (const entry of named) erased.set(entry, place);
        }
      } catch (error) {
        if (!(error instanceof CheckError)) throw error;
        const what = error.kind === 'DIGEST' ? error.message : `its payload or salt is malformed (${error.message})`;
        failed('opened', `entry ${place}: ${what}`);
      }
    });
  };

  // Count the closed entries of which an erasure says why; who is erased is opened no more.
  const checkErasures = () => {
    for (const [entry, erasure] of [...erased].sort(([one], [other]) => one - other)) {
      const rows = openedRows.get(Math.floor(entry / WIDTH));
      if (rows === undefined) continue; // not read
      if (rows[entry % WIDTH]) failed('erased', `entry ${entry}: is opened, though entry ${erasure} says that it was erased`);
      else report.erased += 1;
    }
  };

  const checkBundle = async (index, width, leaves) => {
    openedRows.set(index, new Uint8Array(WIDTH));
    const path = tilePath('entries', index, width);
    const content = await read(path);
    const entries = [];
    for (let at = 0; at < content.length; ) {
      const end = at + 2 + content[at] * 256 + content[at + 1];
      if (!(end <= content.length)) stop('entries', `${path}: ends inside an entry`);
      entries.push(content.subarray(at + 2, end));
      at = end;
    }
    leaves.push(...entries.map(leafHash));
    if (entries.length !== width) stop('entries', `${path}: holds ${entries.length} entries instead of ${width}`);
    const headers = entries.map((entry, row) => {
      try {
        return parseLeaf(entry);
      } catch (error) {
        if (!(error instanceof CheckError)) throw error;
        return stop('entries', `entry ${index * WIDTH + row}: ${error.message}`);
      }
    });
    for (const { time, type } of headers) {
      report.types[type] = (report.types[type] ?? 0) + 1;
      report.entries += 1;
      if (report.first_time === '' || time < report.first_time) report.first_time = time;
      if (time > report.last_time) report.last_time = time;
    }
    const listed = manifest.files.get(`opened/${numbered(index)}.jsonl`);
    if (listed !== undefined) {
      const lines = await read(listed.path);
      within('opened', () => checkOpened(listed.path, index, lines, listed.rows, headers));
    }
  };

  const checkTile = async ({ level, index, hashes }) => {
    const path = tilePath(level, index, hashes.length / HASH);
    if (!manifest.files.has(path)) return; // named among the missing files
    const stored = await attempt('files', () => read(path));
    if (stored !== null && !same(stored, hashes)) failed('tiles', `${path}: does not hold the hashes of its entries`);
  };

  const checkEntries = async (head, old) => {
    const tree = new TreeBuilder();
    const size = Number(head.size);
    const promised = old === null ? -1 : Number(old.size);
    let compared = old === null;
    const compare = (root) => {
      compared = true;
      if (same(root, old.root)) report.since = promised;
      else failed('since', `the first ${promised} entries are not those of the earlier checkpoint`);
    };
    let count = 0;
    for (const { index, width } of bundlesOf(size)) {
      if (!manifest.files.has(tilePath('entries', index, width))) break; // named among the missing files
      const leaves = [];
      await attempt('entries', () => checkBundle(index, width, leaves));
      if (!compared && count <= promised && promised < count + WIDTH) compare(tree.root(leaves.slice(0, promised - count)));
      for (const tile of tree.add(leaves)) await checkTile(tile);
      count += leaves.length;
    }
    for (const tile of tree.partial()) await checkTile(tile);
    if (!compared) compare(tree.root());
    if (count !== size || !same(tree.root(), head.root)) {
      failed('tree', 'the entries do not give the root that the checkpoint promises');
    }
  };

  await attempt('manifest', async () => {
    await checkManifest();
    const head = await checkCheckpoint();
    const old = await attempt('since', () => earlier(head));
    checkFiles(head.size);
    await checkEntries(head, old);
    checkErasures();
    // 5. Every run record is signed by both parties, continues its opening record, and stands in the log.
    for (const path of [...manifest.files.keys()].filter((name) => name.startsWith('runs/'))) {
      const session = path.slice('runs/'.length, -'.json'.length);
      const entries = logged.get(session) ?? [];
      const check = `run ${session.slice(0, 16)}`;
      const run = await attempt(check, async () => {
        const content = await read(path);
        logged.delete(session);
        return within(check, () => checkRun(parse(content), session, manifest.party, partyKeys, entries));
      });
      if (run !== null) report.runs.push({ session, operation: run.operation, parties: run.parties, entries_read: 2 });
    }
  });
  report.runs_without_evidence = logged.size;
  report.ok = report.failures.length === 0;
  return { report, unproven: new Set(logged.keys()) };
}

// ---- the evidence of a run -----------------------------------------------------------------------------------------

const recordMessage = (kind, record) => utf8(`assent ${kind} v1\n${serialize(record)}`);

/** Check both records, both signatures under each, and, unless `entries` is null, that the log of `own` holds them. */
function checkRun(record, session, own, partyKeys, entries) {
  if (!hasFields(record, ['opening', 'parties', 'run', 'session', 'signatures', 'v']) || record.v !== 1) {
    fail('not run evidence of version 1');
  }
  const { opening, run, parties, signatures } = record;
  if (record.session !== session) fail('belongs to another session than its file name says');
  if (!Array.isArray(parties) || parties.length !== 2) fail('does not name two parties');
  const signers = parties.map((party) => {
    if (!hasFields(party, ['agreement_key', 'legal_name', 'party']) || Object.values(party).some((v) => typeof v !== 'string')) {
      fail('a party lacks its id, name or key');
    }
    const key = trustedKey(fromBase64(party.agreement_key));
    const pinned = pinnedKey(partyKeys, party.party);
    if (pinned !== undefined && !same(pinned, key)) fail(`the key of ${party.party} is not the one given by --party-key`);
    return { party: party.party, legal_name: party.legal_name, key, pinned: pinned !== undefined };
  });
  const names = signers.map(({ party }) => party);
  if (names[0] === names[1] || same(signers[0].key, signers[1].key)) fail('both parties are the same');
  if (!hasFields(signatures, ['opening', 'run'])) fail('lacks the signatures of opening and run record');
  for (const kind of ['opening', 'run']) {
    if (!hasFields(signatures[kind], names)) fail(`the ${kind} record is not signed by exactly the two parties`);
  }
  for (const kind of ['opening', 'run']) {
    if (!isObject(record[kind])) fail(`the ${kind} record is not an object`);
    for (const { party, key } of signers) {
      if (!signatureOk(key, recordMessage(kind, record[kind]), fromBase64(signatures[kind][party]))) {
        fail(`the signature of ${party} over the ${kind} record does not verify`, 'SIGNATURE');
      }
    }
  }
  if (opening.session !== session || run.session !== session) fail('a record is of another session');
  if (run.opening !== hex(sha256(utf8(serialize(opening))))) fail('the run record continues another opening record');
  const halves = ['receiver', 'sender'].map((role) => run[role]);
  if (!halves.every(isObject)) fail('the run record lacks the halves of receiver and sender');
  const said = halves.map(({ party }) => party);
  if (!said.every((party) => names.includes(party)) || said[0] === said[1]) {
    fail('the run record names other parties than those who signed');
  }
  if (opening.receiver !== said[0] || opening.sender !== said[1]) {
    fail('the opening record names other parties than those who signed');
  }
  if (halves[0].transcript !== halves[1].transcript) fail('receiver and sender saw different transcripts');
  const result = { operation: String(opening.operation ?? ''), parties: signers.map(({ key, ...party }) => party), signers };
  if (!names.includes(own)) fail(`${own}, whose log this is, took no part in it`);
  if (entries === null) return result;
  const digest = hex(sha256(recordMessage('run', run)));
  for (const party of [own, ...names.filter((name) => name !== own)]) {
    const type = party === own ? 'run_record' : 'run_signature';
    const found = entries.filter((entry) => entry.type === type && entry.payload.party === party);
    if (!found.length) fail(`the log has no opened ${type} entry with the signature of ${party}`);
    for (const { payload } of found) {
      if (payload.run_hash !== digest) fail(`the log's ${type} entry is about another run record`);
      if (payload.signature !== signatures.run[party]) fail(`the log's ${type} entry holds another signature of ${party}`);
    }
  }
  return result;
}

// ---- two exports beside each other ---------------------------------------------------------------------------------

const ABSENT = Symbol('absent');
const asked = (record, name) => (Object.hasOwn(record, name) ? record[name] : ABSENT);
const orNull = (value) => (value === ABSENT ? null : value);
const alike = (one, other) =>
  one === ABSENT || other === ABSENT ? one === other : serialize(one) === serialize(other);

/** A value in a line of at most 80 characters. */
function shown(value) {
  const written = [...(value === ABSENT ? 'absent' : serialize(value))];
  return written.length <= 80 ? written.join('') : `${written.slice(0, 79).join('')}\u2026`;
}

/** Whether the parts that are compared are there, in form; the report of the export says what else is wrong. */
function isEvidence(record) {
  if (!isObject(record) || !isObject(record.opening) || !isObject(record.run) || !isObject(record.signatures)) return false;
  const { parties, signatures } = record;
  if (!Array.isArray(parties) || !parties.every((party) => isObject(party) && typeof party.party === 'string')) return false;
  return isObject(signatures.opening) && isObject(signatures.run);
}

/** The evidence in an export by session, and the sessions whose file cannot be read. */
async function evidenceOf(files) {
  const runs = new Map();
  const unreadable = new Set();
  for (const path of files.paths) {
    const [, session] = /^runs\/([^/]+)\.json$/.exec(path) ?? [];
    if (session === undefined) continue;
    const content = await files.read(path);
    let record = null;
    try {
      record = content === null ? null : parse(content);
    } catch (error) {
      if (!(error instanceof CheckError)) throw error;
    }
    if (isEvidence(record)) runs.set(session, record);
    else unreadable.add(session);
  }
  return { runs, unreadable };
}

/** Every leaf of two records that differs, with its path. */
function* differingFields(path, one, other) {
  if (isObject(one) && isObject(other)) {
    for (const name of [...new Set([...Object.keys(one), ...Object.keys(other)])].sort()) {
      yield* differingFields(`${path}.${name}`, asked(one, name), asked(other, name));
    }
  } else if (!alike(one, other)) yield [path, one, other];
}

/** The later destruction of keys, the last thing that a run record states; times are texts of one width. */
function endOf({ run }) {
  const times = [run.receiver, run.sender].filter(isObject).map((half) => half.keys_destroyed_at);
  return times.filter((time) => typeof time === 'string').sort().at(-1) ?? '';
}

/** Why one side has no evidence of a run that the other has. */
function whyMissing(session, { report, unproven }, held) {
  if (unproven.has(session)) return `the log of ${report.party} has entries of it, but its evidence was not exported`;
  if (report.created !== '' && endOf(held) > report.created) {
    return `the export of ${report.party} was made before it ended; ask for a newer one`;
  }
  return `the log of ${report.party} has no opened entry of it`;
}

/** What two parties' evidence of one run says differently. */
function* differencesOf(session, names, bothVerify, one, other) {
  const parties = [...names].sort();
  const keys = [one, other].map((run) => new Map(run.parties.map((party) => [party.party, asked(party, 'agreement_key')])));
  for (const party of parties) {
    const [ours, theirs] = keys.map((byParty) => byParty.get(party) ?? ABSENT);
    if (alike(ours, theirs)) continue;
    const reason = `the exports name different keys of ${party}`;
    yield { session, what: 'PARTIES', field: `${party}.agreement_key`, ours: orNull(ours), theirs: orNull(theirs), reason };
  }
  for (const kind of ['opening', 'run']) {
    const fields = [...differingFields(kind, one[kind], other[kind])];
    for (const [field, ours, theirs] of fields) {
      const reason = `${field} is ${shown(ours)} for ${names[0]} and ${shown(theirs)} for ${names[1]}`;
      yield { session, what: kind.toUpperCase(), field, ours: orNull(ours), theirs: orNull(theirs), reason };
    }
    for (const party of parties) {
      const [ours, theirs] = [one, other].map((run) => asked(run.signatures[kind], party));
      if (alike(ours, theirs)) continue;
      const reason =
        fields.length && bothVerify
          ? `${party} signed two ${kind} records of one session: both signatures verify`
          : `the exports hold different signatures of ${party} under the ${kind} record`;
      yield { session, what: 'SIGNATURE', field: `${kind}.${party}`, ours: orNull(ours), theirs: orNull(theirs), reason };
    }
  }
}

/**
 * Compare two parties' exports of the runs that they made together. `ours` and `theirs` are folders as `verifyExport`
 * reads them; `trust` is {logKeys, partyKeys}, of both. Each export is verified by itself first. Returns both verdicts,
 * the sessions that agree, and every difference: session, what, field, ours, theirs, reason.
 */
export async function reconcile(ours, theirs, { logKeys = [], partyKeys = {} } = {}) {
  const kept = [];
  for (const files of [ours, theirs]) {
    kept.push({ ...(await examine(files, { logKeys, partyKeys })), ...(await evidenceOf(files)) });
  }
  const side = ({ report }) => {
    const { party, created, origin, size, ok, failures } = report;
    return { party, created, origin, size, ok, failures };
  };
  const outcome = {
    ok: false, ours: side(kept[0]), theirs: side(kept[1]), agreed: [], differences: [],
    runs_with_others: { ours: 0, theirs: 0 },
  };
  const { agreed, differences } = outcome;
  const names = [outcome.ours.party, outcome.theirs.party];
  if (names[0] === names[1] || names.includes('')) {
    const reason = "the two exports are not of two parties: give the partner's export, not our own, as the second";
    differences.push({ session: '', what: 'PARTIES', field: 'party', ours: names[0], theirs: names[1], reason });
    return outcome;
  }
  const isCommon = ({ parties }) => {
    const said = new Set(parties.map(({ party }) => party));
    return said.size === 2 && names.every((name) => said.has(name));
  };
  const common = kept.map(({ runs }) => [...runs.keys()].filter((session) => isCommon(runs.get(session))));
  outcome.runs_with_others = { ours: kept[0].runs.size - common[0].length, theirs: kept[1].runs.size - common[1].length };
  const bothVerify = outcome.ours.ok && outcome.theirs.ok;
  for (const session of [...new Set(common.flat())].sort()) {
    const [one, other] = kept.map(({ runs }) => runs.get(session));
    if (kept.some(({ unreadable }) => unreadable.has(session))) continue; // named below
    const found = [];
    if (one !== undefined && other !== undefined) found.push(...differencesOf(session, names, bothVerify, one, other));
    else {
      const lacking = kept[one === undefined ? 0 : 1];
      const [has, lacks] = one === undefined ? [null, true] : [true, null];
      const reason = `missing in the export of ${lacking.report.party}: ${whyMissing(session, lacking, one ?? other)}`;
      found.push({ session, what: 'MISSING', field: '', ours: has, theirs: lacks, reason });
    }
    differences.push(...found);
    if (!found.length) agreed.push(session);
  }
  kept.forEach(({ unreadable, report }, place) => {
    for (const session of [...unreadable].sort()) {
      const reason = `the evidence in the export of ${report.party} cannot be read, so nothing can be compared`;
      const [has, lacks] = place === 0 ? [true, null] : [null, true];
      differences.push({ session, what: 'EVIDENCE', field: '', ours: has, theirs: lacks, reason });
    }
  });
  outcome.ok = bothVerify && !differences.length;
  return outcome;
}

// ---- a receipt (C2SP tlog-proof) -----------------------------------------------------------------------------------

export function parseReceipt(bytes) {
  if (bytes.length > MAX_RECEIPT) fail('a receipt is longer than 1 MiB');
  const content = text(bytes);
  const end = content.indexOf('\n\n');
  if (end < 0) fail('a receipt has no checkpoint after an empty line');
  const lines = content.slice(0, end).split('\n');
  if (lines.shift() !== 'c2sp.org/tlog-proof@v1') fail('a receipt does not begin with c2sp.org/tlog-proof@v1');
  const extra = lines[0]?.startsWith('extra ') ? fromBase64(lines.shift().slice(6)) : null;
  const index = /^index (0|[1-9][0-9]{0,18})$/.exec(lines.shift() ?? '') ?? fail('a receipt has no index line');
  const hashes = lines.map(fromBase64);
  if (hashes.length > 63 || hashes.some((hash) => hash.length !== HASH)) fail('a receipt holds a hash that is not 32 bytes long, or too many');
  return { index: BigInt(index[1]), hashes, checkpoint: utf8(content.slice(end + 2)), extra };
}

/**
 * Check a receipt. `entry` is what it is about, by default what the receipt carries; with a policy its logs are the
 * only ones trusted, and the receipt is final only when the policy's quorum of witnesses cosigned.
 */
export function verifyReceipt(bytes, { logKeys = [], policy = null, entry = null } = {}) {
  const receipt = parseReceipt(bytes);
  const leaf = entry ?? receipt.extra ?? fail('a receipt without its entry: give it beside');
  const head =
    policy === null
      ? { ...readCheckpoint(receipt.checkpoint, logKeys), cosigned: [] }
      : readByPolicy(receipt.checkpoint, policy, logKeys);
  if (policy !== null && logKeys.length && !logKeys.some((key) => key.text === head.log.text)) {
    fail('is not signed by a key given by --vkey', 'SIGNATURE');
  }
  verifyInclusion(leafHash(leaf), receipt.index, head.size, receipt.hashes, head.root);
  const { origin, size, root, cosigned } = head;
  return {
    origin,
    size: String(size),
    root: base64(root),
    index: String(receipt.index),
    entry: new TextDecoder().decode(leaf),
    policy: policy !== null,
    cosigned,
  };
}

// ---- a proof that the log continues an older checkpoint ------------------------------------------------------------

/** Read what `assent audit consistency` prints, the request of C2SP tlog-witness: old size, hashes, checkpoint. */
function parseContinuation(bytes) {
  if (bytes.length > MAX_RECEIPT) fail('a proof of consistency is longer than 1 MiB');
  const content = text(bytes);
  const end = content.indexOf('\n\n');
  const [first, ...lines] = content.slice(0, Math.max(end, 0)).split('\n');
  const match = /^old (0|[1-9][0-9]{0,18})$/.exec(first) ?? fail('a proof of consistency begins with old and a size');
  const hashes = lines.map(fromBase64);
  if (hashes.length > 63 || hashes.some((hash) => hash.length !== HASH)) {
    fail('a proof of consistency holds a hash that is not 32 bytes long, or too many');
  }
  return { old: BigInt(match[1]), hashes, checkpoint: utf8(content.slice(end + 2)) };
}

/** Check that the checkpoint in a proof continues an earlier one; both are signed by the log's keys. */
export function verifyContinuation(bytes, { logKeys = [], since }) {
  const proof = within('proof', () => parseContinuation(bytes));
  const old = within('since', () => readCheckpoint(since, logKeys));
  const head = within('checkpoint', () => readCheckpoint(proof.checkpoint, logKeys));
  within('since', () => old.origin === head.origin || fail('the earlier checkpoint is of another log'));
  within('proof', () => proof.old === old.size || fail(`begins at ${proof.old} entries, not at the ${old.size} of the earlier checkpoint`));
  within('consistency', () => verifyConsistency(old.size, head.size, proof.hashes, old.root, head.root));
  return { origin: head.origin, old_size: String(old.size), size: String(head.size), root: base64(head.root) };
}

// ---- a proof of membership in a run's cohort -----------------------------------------------------------------------

const PROOF_FIELDS = ['judgement', 'kind', 'leaves', 'log', 'made', 'member', 'party', 'people', 'run', 'salt', 'side',
  'signature', 'subject', 'v'];
const USE_FIELDS = ['allowed', 'category', 'consent', 'handler', 'method', 'purpose', 'reason', 'recipient'];

/** The leaf is in the committed tree, or the two around its place are neighbours there. */
function checkPlace({ leaves, member, people, run, salt, side, subject }) {
  const commitment = run.opening[`${side}_commitment`];
  const mac = hmac(sha256, fromBase64(salt), utf8(subject));
  const places = leaves.map((leaf) => {
    if (!hasFields(leaf, ['index', 'mac', 'path']) || !Number.isSafeInteger(leaf.index) || !Array.isArray(leaf.path)) {
      fail('a leaf in the file lacks a field');
    }
    const found = fromBase64(leaf.mac);
    try {
      verifyInclusion(leafHash(found), leaf.index, people, leaf.path.map(fromBase64), bytesOfHex(commitment));
    } catch (error) {
      if (!(error instanceof CheckError) || error.kind !== 'DIGEST') throw error;
      fail('a leaf in the file does not lead to the commitment that both parties signed', 'DIGEST');
    }
    return { index: leaf.index, mac: found };
  });
  if (member) {
    if (places.length !== 1 || !same(places[0].mac, mac)) fail('the leaf in the file is not that of this person');
    return;
  }
  if (!places.length) {
    if (people !== 0 || commitment !== hex(treeRoot([]))) {
      fail('the file proves nothing: a cohort that is not empty needs leaves');
    }
    return;
  }
  // Below the node where two paths part, one keeps right and the other left: no size is trusted for neighbourhood.
  const [first, second] = places;
  const apart = places.length === 1 || less(first.mac, second.mac);
  if (!apart || places.some((place) => same(place.mac, mac))) {
    fail('the leaves in the file do not ascend around the place of this person');
  }
  const gap =
    places.length === 2
      ? second.index === first.index + 1 && less(first.mac, mac) && less(mac, second.mac)
      : places.length === 1 &&
        ((first.index === 0 && less(mac, first.mac)) || (first.index === people - 1 && less(first.mac, mac)));
  if (!gap) fail('the leaves in the file are not neighbours around the place of this person');
}

/** The references under which somebody is known: one, and those that merges among the events join with it. */
function personOf(subject, events) {
  const person = new Set([subject]);
  const joins = events
    .filter(({ payload }) => payload.type === 'identity_merged' && Array.isArray(payload.subjects))
    .map(({ payload }) => payload.subjects.filter((one) => typeof one === 'string'));
  for (let size = 0; person.size > size; ) {
    size = person.size;
    for (const names of joins) {
      if (names.some((one) => person.has(one))) names.forEach((one) => person.add(one));
    }
  }
  return person;
}

/** Every event opens an entry of the log and is about this person. */
function checkEvents({ log, subject }, logKeys) {
  if (!hasFields(log, ['checkpoint', 'entries', 'vkey']) || !Array.isArray(log.entries)) {
    fail("the file lacks the log's checkpoint");
  }
  const own = parseVkey(String(log.vkey));
  if (logKeys.length && !logKeys.some((key) => key.text === own.text)) {
    fail("the log's key is none of those given by --vkey");
  }
  const pinned = logKeys.filter((key) => key.name === own.name);
  const head = readCheckpoint(utf8(String(log.checkpoint)), pinned.length ? pinned : [own]);
  if (head.origin !== own.name) fail('the checkpoint is of another log than its key');
  let before = -1;
  const events = log.entries.map((item) => {
    if (!hasFields(item, ['entry', 'index', 'path', 'payload', 'salt']) || !Array.isArray(item.path)) {
      fail('an entry in the file lacks a field');
    }
    if (!Number.isSafeInteger(item.index) || item.index <= before) fail('the entries in the file do not ascend');
    before = item.index;
    const entry = utf8(String(item.entry));
    try {
      const leaf = parseLeaf(entry);
      if (leaf.type !== 'consent_event' || !isObject(item.payload)) fail('is not that of a consent event');
      verifyInclusion(leafHash(entry), item.index, head.size, item.path.map(fromBase64), head.root);
      openLeaf(leaf, utf8(serialize(item.payload)), item.salt);
    } catch (error) {
      if (!(error instanceof CheckError)) throw error;
      fail(`entry ${item.index}: ${error.message}`, error.kind);
    }
    return { index: item.index, payload: item.payload };
  });
  const person = personOf(subject, events);
  for (const { index, payload } of events) {
    if (!person.has(payload.subject)) fail(`entry ${index}: is about another person`);
  }
  return { head, events };
}

/** Microseconds since 1970. */
function moment(written) {
  const form = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?(Z|[+-]\d{2}:\d{2})$/;
  const match = form.exec(written) ?? fail('a time in the file is none');
  const seconds = Date.parse(`${match[1]}${match[3]}`);
  if (Number.isNaN(seconds) || !isTime(`${match[1]}.000`)) fail('a time in the file is none');
  return BigInt(seconds) * 1000n + BigInt((match[2] ?? '').padEnd(6, '0'));
}

/** A consent that the judgement names was given before it, in one of the events. */
function checkConsents({ member, judgement }, judgedAt, events) {
  if (member && !judgement.length) fail('the file does not say what let this person in');
  for (const use of judgement.filter(({ allowed, consent }) => allowed === true && consent !== '')) {
    const gives = ({ payload }) =>
      payload.type === 'consent_given' &&
      payload.consent_id === use.consent &&
      moment(payload.at) <= moment(judgedAt) &&
      moment(payload.recorded_at) <= moment(judgedAt) &&
      Array.isArray(payload.items) &&
      payload.items.some((item) => isObject(item) && item.purpose === use.purpose);
    if (!events.some(gives)) {
      fail(`no event in the file gives consent ${use.consent} for ${use.purpose} before the judgement`);
    }
  }
}

function parseProof(bytes) {
  const value = parse(bytes);
  if (!hasFields(value, PROOF_FIELDS)) fail('not a proof of membership');
  if (value.v !== 1 || value.kind !== 'membership') fail('not a proof of membership of version 1');
  const texts = ['party', 'side', 'subject', 'made', 'salt', 'signature'];
  if (texts.some((name) => typeof value[name] !== 'string') || !['receiver', 'sender'].includes(value.side)) {
    fail('a field has the wrong type');
  }
  if (typeof value.member !== 'boolean' || typeof value.people !== 'number') fail('a field has the wrong type');
  if (!Array.isArray(value.leaves) || !Array.isArray(value.judgement)) fail('a field has the wrong type');
  if (!value.judgement.every((use) => hasFields(use, USE_FIELDS))) fail('a judgement lacks a field');
  const typed = ([name, said]) => typeof said === (name === 'allowed' ? 'boolean' : 'string');
  if (!value.judgement.flatMap(Object.entries).every(typed)) fail('a field of a judgement has the wrong type');
  return value;
}

/** Check a proof that a person was, or was not, in the cohort of a run, and under which consent. */
export function verifyMembership(bytes, { logKeys = [], partyKeys = {} } = {}) {
  const record = within('file', () => parseProof(bytes));
  const { party, side, run, judgement } = record;
  if (!isObject(run) || typeof run.session !== 'string') {
    throw new CheckError('run', 'the file lacks the evidence of its run');
  }
  const { session } = run;
  const found = within(`run ${session.slice(0, 16)}`, () => checkRun(run, session, party, partyKeys, null));
  within('run', () => run.opening[side] === party || fail(`${party} is not the ${side} of this run`));
  const judgedAt = run.opening[`${side}_judged_at`];
  const signer = found.signers.find((one) => one.party === party);
  within('signature', () => {
    const { signature, ...unsigned } = record;
    const message = utf8(`assent membership v1\n${serialize(unsigned)}`);
    if (!signatureOk(signer.key, message, fromBase64(signature))) {
      fail(`is no signature of ${party} over this file`, 'SIGNATURE');
    }
  });
  within('cohort', () => checkPlace(record));
  const { head, events } = within('log', () => checkEvents(record, logKeys));
  within('consent', () => checkConsents(record, judgedAt, events));
  return {
    member: record.member,
    party,
    side,
    subject: record.subject,
    made: record.made,
    session,
    operation: found.operation,
    parties: found.parties.map(({ party: name, pinned }) => ({ party: name, pinned })),
    judged_at: judgedAt,
    party_key_pinned: signer.pinned,
    origin: head.origin,
    log_key_pinned: logKeys.length > 0,
    judgement,
    events: events.map(({ index, payload }) => ({
      index,
      type: payload.type ?? '',
      consent: payload.consent_id ?? '',
    })),
  };
}

// ---- words for people ----------------------------------------------------------------------------------------------

/** Characters that could steer a terminal are replaced, for the texts are not ours. */
const printable = (line) => `${line.replace(/[\p{C}\p{Z}]/gu, (char) => (char === ' ' ? char : '?'))}\n`;

const failureLines = (failures) => [
  ...failures.slice(0, MAX_REASONS).map(({ check, reason }) => `FAIL      ${check}: ${reason}`),
  ...(failures.length > MAX_REASONS ? [`FAIL      and ${failures.length - MAX_REASONS} more`] : []),
];

/** A report as lines. */
export function asText(report) {
  const { ok, failures, ...found } = report;
  const said = (value) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
  const lines = Object.entries(found)
    .filter(([, value]) => value !== '' && value !== null)
    .map(([name, value]) => `${name.padEnd(22)}${said(value)}`);
  lines.push(...failureLines(failures));
  lines.push(ok ? 'OK        every check passed' : 'FAILED    this is not what the log promised');
  return lines.map(printable).join('');
}

/** What two exports say of each other, as lines. */
export function reconciliationText({ ok, ours, theirs, agreed, differences, runs_with_others: others }) {
  const lines = Object.entries({ ours, theirs }).flatMap(([title, { party, created, ok: verifies, failures }]) => [
    `${title.padEnd(9)} ${party || '?'}, made ${created || '?'}: ${verifies ? 'verifies' : 'does not verify'}`,
    ...failureLines(failures),
  ]);
  lines.push(...agreed.map((session) => `same      run ${session}`));
  for (const { session, reason } of differences) lines.push(`DIFF      ${session ? `run ${session}` : 'exports'}: ${reason}`);
  if (others.ours || others.theirs) lines.push(`note      runs with others, not compared: ${others.ours} ours, ${others.theirs} theirs`);
  const runs = `${agreed.length} ${agreed.length === 1 ? 'run' : 'runs'}`;
  lines.push(ok ? `OK        both exports say the same of ${runs}` : `FAILED    ${differences.length} differences; ${agreed.length} runs agree`);
  return lines.map(printable).join('');
}

#!/usr/bin/env node
// The verifier on a command line: node cli.mjs export | reconcile | receipt | consistency | membership
// Exit codes: 0 every check passed, 1 a check failed, 2 wrong usage.

import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import * as verifier from './verify.mjs';

const USAGE = `usage: node cli.mjs export DIR [--vkey KEY]... [--party-key ID=BASE64]... [--since CHECKPOINT] [--policy FILE] [--json]
       node cli.mjs reconcile OURS THEIRS [--vkey KEY]... [--party-key ID=BASE64]... [--json]
       node cli.mjs receipt FILE [--entry FILE] (--vkey KEY... | --policy FILE) [--json]
       node cli.mjs consistency FILE --since CHECKPOINT --vkey KEY... [--json]
       node cli.mjs membership FILE [--vkey KEY]... [--party-key ID=BASE64]... [--json]
exit codes: 0 every check passed, 1 a check failed, 2 wrong usage
`;

/** A folder as `verifyExport` reads it. */
export async function folder(root) {
  const paths = [];
  const odd = [];
  const walk = async (directory) => {
    for (const entry of await readdir(join(root, directory), { withFileTypes: true })) {
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) paths.push(path);
      else odd.push(path);
    }
  };
  await walk('');
  const read = async (path) => {
    try {
      if (!(await lstat(join(root, path))).isFile() && !odd.includes(path)) return null;
      return new Uint8Array(await readFile(join(root, path)));
    } catch (error) {
      if (error.code === undefined) throw error;
      return null;
    }
  };
  return { paths, odd: odd.sort(), read };
}

class Usage extends Error {}

/** What each command takes: how many paths, which options. */
const COMMANDS = {
  export: [1, ['vkey', 'party-key', 'since', 'policy']],
  reconcile: [2, ['vkey', 'party-key']],
  receipt: [1, ['vkey', 'entry', 'policy']],
  consistency: [1, ['vkey', 'since']],
  membership: [1, ['vkey', 'party-key']],
};

/** The command, its paths and its options; an option that a command would pass over is wrong usage. */
function parseArguments(words) {
  const options = { vkey: [], 'party-key': [], json: false, plain: [], given: new Set() };
  for (let at = 0; at < words.length; at += 1) {
    const [, name, inline] = /^--([a-z-]+)(?:=(.*))?$/s.exec(words[at]) ?? [];
    if (name === undefined) options.plain.push(words[at]);
    else if (name === 'json') options.json = true;
    else if (['vkey', 'party-key', 'since', 'entry', 'policy'].includes(name)) {
      const value = inline ?? words[(at += 1)];
      if (value === undefined) throw new Usage(`--${name} needs a value`);
      options.given.add(name);
      if (Array.isArray(options[name])) options[name].push(value);
      else options[name] = value;
    } else throw new Usage(`unknown option --${name}`);
  }
  const [command, ...paths] = options.plain;
  if (command === undefined || !Object.hasOwn(COMMANDS, command)) throw new Usage('');
  const [count, taken] = COMMANDS[command];
  if (paths.length !== count) throw new Usage('');
  const odd = [...options.given].find((name) => !taken.includes(name));
  if (odd !== undefined) throw new Usage(`--${odd} is not for ${command}`);
  if (command === 'receipt' && !options.vkey.length && options.policy === undefined) {
    throw new Usage('a receipt needs --policy FILE, or --vkey KEY');
  }
  if (command === 'consistency' && (!options.vkey.length || options.since === undefined)) {
    throw new Usage('a proof of consistency needs --since CHECKPOINT and --vkey KEY');
  }
  return { ...options, command, paths };
}

function partyKeysOf(pairs) {
  const keys = Object.create(null); // a party may be called like what every object has
  for (const pair of pairs) {
    const place = pair.indexOf('=');
    if (place < 1) throw new Usage('--party-key is not of the form ID=BASE64');
    const party = pair.slice(0, place);
    if (party in keys) throw new Usage('--party-key names a party twice');
    keys[party] = verifier.trustedKey(verifier.fromBase64(pair.slice(place + 1)));
  }
  return keys;
}

async function trustOf(options) {
  const bytes = async (name) => {
    if (options[name] === undefined) return null;
    try {
      return new Uint8Array(await readFile(options[name]));
    } catch (error) {
      throw new Usage(`--${name} cannot be read (${error.code})`);
    }
  };
  try {
    return {
      logKeys: options.vkey.map((key) => verifier.parseVkey(key)),
      partyKeys: partyKeysOf(options['party-key']),
      since: await bytes('since'),
      entry: await bytes('entry'),
      policy: options.policy === undefined ? null : verifier.parsePolicy(await bytes('policy')),
    };
  } catch (error) {
    if (error instanceof verifier.CheckError) throw new Usage(error.message);
    throw error;
  }
}

async function check(command, [path, other], trust) {
  if (command === 'export') return verifier.verifyExport(await folder(path), trust);
  if (command === 'reconcile') return verifier.reconcile(await folder(path), await folder(other), trust);
  const bytes = new Uint8Array(await readFile(path));
  const verify = {
    receipt: verifier.verifyReceipt,
    consistency: verifier.verifyContinuation,
    membership: verifier.verifyMembership,
  }[command];
  try {
    return { ok: true, failures: [], ...verify(bytes, trust) };
  } catch (error) {
    if (!(error instanceof verifier.CheckError)) throw error;
    return { ok: false, failures: [{ check: error.check || command, reason: error.message }] };
  }
}

/** Run the command line; returns the exit code. */
export async function main(words, write = (line) => process.stdout.write(line)) {
  let report;
  let options;
  try {
    options = parseArguments(words);
    report = await check(options.command, options.paths, await trustOf(options));
  } catch (error) {
    if (!(error instanceof Usage) && error.code === undefined) throw error;
    process.stderr.write(`${error.message}\n${USAGE}`);
    return 2;
  }
  const asText = options.command === 'reconcile' ? verifier.reconciliationText : verifier.asText;
  write(options.json ? `${JSON.stringify(report, null, 2)}\n` : asText(report));
  return report.ok ? 0 : 1;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main(process.argv.slice(2));
}

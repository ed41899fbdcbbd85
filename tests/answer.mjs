// Answers what the tests ask the JavaScript verifier: a JSON list of questions on stdin, their answers on stdout.
// One process for many questions, for each start costs more than most answers.

import { readFile } from 'node:fs/promises';

import { folder } from '../verify/js/cli.mjs';
import * as verifier from '../verify/js/verify.mjs';

const bytes = (encoded) => Uint8Array.from(Buffer.from(encoded ?? '', 'base64'));
const list = (encoded) => (encoded ?? []).map(bytes);

async function trust({ vkeys = [], party_keys: keys = {}, since = null, policy = null }) {
  return {
    logKeys: vkeys.map((key) => verifier.parseVkey(key)),
    partyKeys: Object.fromEntries(Object.entries(keys).map(([party, key]) => [party, bytes(key)])),
    since: since === null ? null : bytes(since),
    policy: policy === null ? null : verifier.parsePolicy(bytes(policy)),
  };
}

const answers = {
  inclusion: (q) => verifier.verifyInclusion(bytes(q.leaf), BigInt(q.index), BigInt(q.size), list(q.proof), bytes(q.root)),
  consistency: (q) =>
    verifier.verifyConsistency(BigInt(q.old), BigInt(q.size), list(q.proof), bytes(q.old_root), bytes(q.root)),
  keys: (q) => {
    const { logKeys, partyKeys, policy } = verifier.parseKeys(q.written);
    return { logs: logKeys.map(({ name }) => name), parties: Object.keys(partyKeys), quorum: policy?.quorum ?? null };
  },
  vkey: (q) => verifier.parseVkey(q.vkey).name,
  note: (q) => verifier.checkSignatures(verifier.splitNote(bytes(q.note)), q.vkeys.map((key) => verifier.parseVkey(key))).size,
  checkpoint: (q) => String(verifier.readCheckpoint(bytes(q.note), [verifier.parseVkey(q.vkey)]).size),
  root: (q) => verifier.hex(verifier.treeRoot(list(q.leaves))),
  leaf: (q) => verifier.hex(verifier.leafHash(bytes(q.entry))),
  node: (q) => verifier.hex(verifier.nodeHash(bytes(q.left), bytes(q.right))),
  canonical: (q) => verifier.serialize(verifier.parse(bytes(q.bytes))),
  key: (q) => verifier.hex(verifier.trustedKey(bytes(q.key))),
  signature: (q) => verifier.signatureOk(bytes(q.key), bytes(q.message), bytes(q.signature)),
  tiles: (q) => {
    const builder = new verifier.TreeBuilder();
    const found = {};
    const note = ({ level, index, hashes }) => {
      found[verifier.tilePath(level, index, hashes.length / 32)] = Buffer.from(hashes).toString('base64');
    };
    for (let start = 0; start < q.size; start += 256) {
      const count = Math.min(256, q.size - start);
      const leaves = Array.from({ length: count }, (_, row) =>
        verifier.leafHash(new TextEncoder().encode(`${q.prefix}${start + row}`)),
      );
      builder.add(leaves).forEach(note);
    }
    builder.partial().forEach(note);
    return { root: verifier.hex(builder.root()), tiles: found };
  },
  export: async (q) => verifier.verifyExport(await folder(q.folder), await trust(q)),
  reconcile: async (q) => {
    const outcome = await verifier.reconcile(await folder(q.ours), await folder(q.theirs), await trust(q));
    return { outcome, text: verifier.reconciliationText(outcome) };
  },
  receipt: async (q) => verifier.verifyReceipt(bytes(q.receipt), { ...(await trust(q)), entry: q.entry ? bytes(q.entry) : null }),
  continuation: async (q) => verifier.verifyContinuation(bytes(q.proof), await trust(q)),
  policy: (q) => verifier.parsePolicy(bytes(q.policy)).quorum,
  membership: async (q) => verifier.verifyMembership(new Uint8Array(await readFile(q.file)), await trust(q)),
};

const questions = JSON.parse(await new Response(process.stdin).text());
const given = [];
for (const question of questions) {
  try {
    given.push({ ok: true, answer: (await answers[question.ask](question)) ?? null });
  } catch (error) {
    if (!(error instanceof verifier.CheckError)) throw error;
    given.push({ ok: false, kind: error.kind, check: error.check, reason: error.message });
  }
}
process.stdout.write(JSON.stringify(given));

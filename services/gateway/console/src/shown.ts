// What a person decides on: the hash is computed here from what is shown, not taken on trust.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

import type { Approval } from "./types.ts";

const hashOf = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)));

/** The hash over the texts of contracts, as governance makes it: sha256 of their hashes, line by line. */
export function hashShown(contracts: readonly string[]): string {
  return hashOf(contracts.map(hashOf).join("\n"));
}

/** Whether the contracts are those that the approval's hash stands for. */
export function isWhole(approval: Approval): boolean {
  return approval.contracts.length > 0 && hashShown(approval.contracts) === approval.shown_hash;
}

import type { Node } from '../../src/index.ts'

/** What a host can be asked to do: the exports of a module, called there with its node. */
// biome-ignore lint/suspicious/noExplicitAny: each script names its own arguments
export type Script = Record<string, (node: Node, ...args: any[]) => unknown>

export type ToHost = { call: number; name: string; args: unknown[] }
export type FromHost =
  | { kind: 'up'; peerId: string; addresses: string[] }
  | { kind: 'returned'; call: number; value: unknown }
  | { kind: 'threw'; call: number; error: { code: unknown; message: string } }

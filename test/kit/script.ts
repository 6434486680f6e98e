/** What a host can be asked to do: the exports of a module, called there with its node, which its `create` makes if it has one. */
// biome-ignore lint/suspicious/noExplicitAny: each script names its own arguments
export type Script = Record<string, (first: any, ...args: any[]) => unknown>

export type ToHost = { call: number; name: string; args: unknown[] }
export type FromHost =
  | { kind: 'up'; peerId: string; addresses: string[] }
  | { kind: 'returned'; call: number; value: unknown }
  | { kind: 'threw'; call: number; error: { code: unknown; message: string } }

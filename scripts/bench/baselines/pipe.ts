/** An ordered byte stream between two processes, whatever carries it. */
export interface Pipe {
  /** Takes the bytes whatever it returns; false asks to wait for `drained()`. */
  write(bytes: Uint8Array): boolean
  drained(): Promise<void>
  onBytes: (chunk: Uint8Array) => void
  close(): void
}

/** What carries pipes. */
export interface Wire {
  /** Resolves with the address to dial. */
  listen(accept: (pipe: Pipe) => void): Promise<{ address: string; close(): Promise<void> }>
  dial(address: string): Promise<{ open(): Promise<Pipe>; close(): Promise<void> }>
}

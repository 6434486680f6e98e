import { rm } from 'node:fs/promises'

// What a former build left must not end up in the package.
await rm(new URL('../dist', import.meta.url), { recursive: true, force: true })

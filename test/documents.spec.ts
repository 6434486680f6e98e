import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readRepositoryFile } from './kit/markdown.ts'

const ROOT = join(import.meta.dirname, '..')
const DOCUMENTS = [
  'README.md',
  'ARCHITECTURE.md',
  'protocols/README.md',
  ...[
    'envelope',
    'framing',
    'point-to-point',
    'request-response',
    'publish-subscribe',
    'pipeline',
    'overlay',
    'directory'
  ].map((protocol) => `protocols/${protocol}/README.md`)
]

describe('the documents', () => {
  it('link to what is there', () => {
    for (const document of DOCUMENTS) {
      const text = readRepositoryFile(document)
      for (const [, target] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
        const [file, anchor] = target!.split('#')
        const path = file === '' ? document : join(dirname(document), file!)
        assert(existsSync(join(ROOT, path)), `${document} links to ${target}`)
        if (anchor !== undefined)
          assert(anchors(readRepositoryFile(path)).has(anchor), `${document} links to ${target}`)
      }
    }
  })
})

/** As GitHub makes them of headings. */
function anchors(markdown: string): Set<string> {
  return new Set(
    Array.from(markdown.matchAll(/^#+ (.+)$/gm), ([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-')
    )
  )
}

import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Kind as Causality } from '../protocols/causality/constants.ts'
import { Kind as Consensus } from '../protocols/consensus/constants.ts'
import { formatId } from '../protocols/envelope/id.ts'
import { Kind as Framing } from '../protocols/framing/constants.ts'
import { KIND as OVERLAY } from '../protocols/overlay/constants.ts'
import { Kind as PointToPoint } from '../protocols/point-to-point/constants.ts'
import { FRAME } from '../protocols/publish-subscribe/constants.ts'
import { Kind as Raft } from '../protocols/raft/constants.ts'
import { ENTRY_PREFIX as RATE_PREFIX, Kind as RateLimits } from '../protocols/rate-limits/constants.ts'
import { Kind as RequestResponse } from '../protocols/request-response/constants.ts'
import { agentKey } from '../src/node/atlas.ts'
import { candidateKey } from '../src/node/placement/record.ts'
import { groupEntry } from '../src/runtime/ordering/sequences.ts'
import { CHANNELS_KEY, SUBSCRIPTION_PREFIX } from '../src/runtime/pubsub/interest.ts'
import { readRepositoryFile, rows } from './kit/markdown.ts'

const ROOT = join(import.meta.dirname, '..')
const PROTOCOLS = readdirSync(join(ROOT, 'protocols'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
const DOCUMENTS = [
  'README.md',
  'ARCHITECTURE.md',
  'protocols/README.md',
  ...PROTOCOLS.map((protocol) => `protocols/${protocol}/README.md`)
]

const KINDS = {
  causality: Causality,
  consensus: Consensus,
  framing: Framing,
  'point-to-point': PointToPoint,
  'request-response': RequestResponse,
  'publish-subscribe': FRAME,
  raft: Raft,
  'rate-limits': RateLimits,
  overlay: OVERLAY
}

describe('the documents', () => {
  for (const [protocol, kinds] of Object.entries(KINDS)) {
    it(`have the frame kinds of ${protocol}`, () => {
      const table = rows(readRepositoryFile(`protocols/${protocol}/README.md`), /^0x/)
      const documented = table.map(([kind, name]) => [name!.replaceAll(' ', '').toLowerCase(), Number(kind)])
      const real = Object.entries(kinds).map(([name, kind]) => [name.toLowerCase(), kind])
      assert.deepEqual(documented, real)
    })
  }

  it('have the keys that members announce', () => {
    const cells = rows(readRepositoryFile('protocols/overlay/README.md'), /^`[\w-]+(\/|`)/).map(([key]) => key!)
    const documented = cells.flatMap((cell) => Array.from(cell.matchAll(/`([^`]+)`/g), ([, key]) => key!))
    assert.deepEqual(documented, [
      agentKey('<name>', '<instance>'),
      candidateKey('<name>'),
      'load',
      `${SUBSCRIPTION_PREFIX}<id>`,
      CHANNELS_KEY,
      `${RATE_PREFIX}<id>`,
      groupEntry('<name>')
    ])
  })

  it('have an id as it is made', () => {
    const [, counter, lineage, id] = readRepositoryFile('protocols/envelope/README.md').match(
      /So ms 1,700,000,000,000, counter (0x\w+) and lineage `(\w+)` are `([\w-]+)`/
    )!
    assert.equal(formatId(1_700_000_000_000, Number(counter), lineage!), id)
  })

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

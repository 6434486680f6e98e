import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseHistory } from '../../../scripts/simulate/linearizability/history.ts'
import { temporaryFolder } from '../../kit/folder.ts'

const COMMAND = new URL('../../../scripts/simulate/linearizability/main.ts', import.meta.url).pathname

const stale = [
  { client: 1, op: 'write', key: 'x', value: 1, start: 10, end: 14 },
  { client: 2, op: 'write', key: 'x', value: 2, start: 20, end: 24 },
  { client: 3, op: 'read', key: 'x', start: 30, end: 34, result: 1 },
  { client: 3, op: 'read', key: 'y', start: 35, end: 36, result: null }
]

describe('npm run linearizable', () => {
  it('says which operations no order fits, and where what they saw came from', async () => {
    const { status, stdout } = await judged(stale.map((line) => JSON.stringify(line)).join('\n'))
    assert.equal(status, 1)
    assert.match(stdout, /key x, 3 operations: not linearizable/)
    assert.match(stdout, /client 2: write 2 {3}\[20, 24\]\n.*client 3: read → 1 {3}\[30, 34\]/)
    assert.match(stdout, /before or beside: client 1: write 1/)
    assert.match(stdout, /4 operations, keys: 1 linearizable, 1 not, 0 undecided/)
  })

  it('finds nothing to say of a history that is', async () => {
    const { status, stdout } = await judged(
      stale
        .slice(0, 2)
        .map((line) => JSON.stringify(line))
        .join('\n')
    )
    assert.equal(status, 0)
    assert.match(stdout, /^2 operations, keys: 1 linearizable, 0 not, 0 undecided/)
  })

  it('names the line that is none of a history', async () => {
    const { status, stderr } = await judged(
      `${JSON.stringify(stale[0])}\n\n{"op":"read","key":"x","start":3,"end":2}\n`
    )
    assert.equal(status, 2)
    assert.match(stderr, /line 3: `end`/)
  })
})

describe('a line of a history', async () => {
  const line = { client: 1, op: 'cas', key: 'x', value: [1, 2], start: 1, end: 2, result: true }

  it('needs no end where nobody knows it', () => {
    const { end: _end, ...open } = line
    assert.deepEqual(parseHistory(JSON.stringify(open)), [{ ...line, end: null }])
  })

  for (const [name, fault] of Object.entries({
    'an operation of another kind': { op: 'delete' },
    'a key that is no string': { key: 7 },
    'no start': { start: undefined },
    'a compare-and-set without both values': { value: 1 },
    'a compare-and-set without an outcome': { result: null }
  }))
    it(`is refused: ${name}`, () => {
      assert.throws(() => parseHistory(JSON.stringify({ ...line, ...fault })), /^SyntaxError: line 1: /)
    })
})

async function judged(text: string): Promise<{ status: number | null; stdout: string; stderr: string }> {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'history.jsonl')
  writeFileSync(file, text)
  return spawnSync(process.execPath, [COMMAND, file], { encoding: 'utf8' })
}

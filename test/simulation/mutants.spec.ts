import assert from 'node:assert/strict'
import { hunt, play, type Trophy } from '../../scripts/simulate/mutants/hunt.ts'
import { mutants } from '../../scripts/simulate/mutants/index.ts'
import { patched } from '../../scripts/simulate/mutants/patch.ts'
import { scenarios } from '../../scripts/simulate/scenarios/index.ts'

/** Of each promise, so many of those that are noticed soon; `npm run mutants` is the long form. */
const OF_EACH = 2
const SEEDS = 12
/** Several times what any of those with a seed written down took. */
const ENOUGH = 1_000

const promises = [...new Set(mutants.map(({ promise }) => promise))]
const writtenDown = mutants.filter(({ seed }) => seed !== undefined)

describe('bugs put into production code on purpose', () => {
  it('are at least five against each promise, each in a place that is there once', () => {
    for (const promise of promises) {
      const against = mutants.filter((mutant) => mutant.promise === promise)
      assert.ok(against.length >= 5, promise)
      for (const mutant of against) {
        assert.notEqual(patched(mutant), '', mutant.name)
        assert.ok(
          scenarios.some(({ name }) => name === mutant.scenario),
          mutant.name
        )
      }
    }
    assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length)
  })

  it(`are noticed, ${OF_EACH} of each promise within ${SEEDS} seeds`, async function () {
    this.timeout(120_000)
    const soon = promises.flatMap((promise) =>
      mutants.filter((mutant) => mutant.promise === promise && mutant.soon === true).slice(0, OF_EACH)
    )
    const escaped: string[] = []
    await hunt(soon, SEEDS, ({ mutant, caught }: Trophy) => {
      if (caught === undefined) escaped.push(mutant.name)
    })
    const others = promises.filter((promise) => !writtenDown.some((mutant) => mutant.promise === promise))
    assert.equal(soon.length, OF_EACH * others.length)
    assert.deepEqual(escaped, [])
  })

  for (const mutant of writtenDown) {
    it(`are noticed: ${mutant.name} (${mutant.seed} seeds)`, async function () {
      this.timeout(240_000)
      const caught = await play(mutant, mutant.seed!, 1)
      // What a seed does changes with the code, and with it which one notices.
      assert.notEqual(caught ?? (await play(mutant, 1, ENOUGH)), undefined)
    })
  }
})

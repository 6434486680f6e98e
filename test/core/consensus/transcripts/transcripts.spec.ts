import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type Act, format, parse } from './script.ts'
import { Stage } from './stage.ts'

/**
 * Scenes of Raft to be read: what is done stands above the line, what comes of it below. UPDATE_TRANSCRIPTS=1 rewrites what comes of
 * it; the difference is a change of behaviour, to be reviewed.
 */
const folder = new URL('./', import.meta.url)

/** What the acts are, and what came of them this time. */
function played(acts: readonly Act[]): Act[] {
  const stage = new Stage()
  return acts.map((act) => ({ ...act, outcome: act.commands.flatMap((command) => stage.play(command)) }))
}

describe('the transcript', () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt'))) {
    it(`${name} tells what happens`, () => {
      const file = new URL(name, folder)
      const text = readFileSync(file, 'utf8')
      const now = format(played(parse(text)))
      if (process.env['UPDATE_TRANSCRIPTS']) writeFileSync(file, now)
      else assert.equal(text, now)
    })
  }

  it('of a script that asks for what nobody knows how to do is none', () => {
    assert.throws(() => played(parse('group a b\n\ndance a\n')), /nobody knows how to dance/)
    assert.throws(() => played(parse('group a b\n\ncampaign c\n')), /nobody is called c/)
  })
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { AnnouncementSchedule } from '../../../src/core/directory/schedule.ts'

const OPTIONS = { renewAfter: 1_000, retryAfter: 100, gap: 10, concurrency: 2 }

describe('the schedule of announcements', () => {
  it('starts one for each gap, never more at once than allowed', () => {
    const schedule = new AnnouncementSchedule(OPTIONS)
    for (const name of ['a', 'b', 'c']) schedule.add(name, 0)
    assert.equal(schedule.take(0), 'a')
    assert.equal(schedule.take(9), undefined)
    assert.equal(schedule.nextDue(), 10)
    assert.equal(schedule.take(10), 'b')
    assert.equal(schedule.take(1_000), undefined)
    assert.equal(schedule.nextDue(), undefined)
    schedule.done('a', true, 1_000)
    assert.equal(schedule.take(1_000), 'c')
  })

  it('renews after a success, retries sooner after a failure', () => {
    const schedule = new AnnouncementSchedule(OPTIONS)
    schedule.add('a', 0)
    schedule.take(0)
    schedule.done('a', false, 50)
    assert.equal(schedule.nextDue(), 150)
    assert.equal(schedule.take(150), 'a')
    schedule.done('a', true, 200)
    assert.equal(schedule.nextDue(), 1_200)
  })

  it('puts a name that nobody can find yet before renewals', () => {
    const schedule = new AnnouncementSchedule(OPTIONS)
    schedule.add('old', 0)
    schedule.take(0)
    schedule.done('old', true, 0)
    schedule.add('new', 2_000)
    assert.equal(schedule.take(2_000), 'new')
  })

  it('forgets what was withdrawn, also while under way, and takes it back', () => {
    const schedule = new AnnouncementSchedule(OPTIONS)
    schedule.add('a', 0)
    schedule.take(0)
    schedule.remove('a')
    assert.equal(schedule.size, 0)
    schedule.done('a', true, 1)
    assert.equal(schedule.nextDue(), undefined)
    schedule.add('a', 2)
    schedule.take(10)
    schedule.remove('a')
    schedule.add('a', 11)
    schedule.done('a', true, 12)
    assert.equal(schedule.nextDue(), 1_012)
  })

  it('announces ten thousand names evenly, each again in time', () => {
    const schedule = new AnnouncementSchedule({ renewAfter: 1_800_000, retryAfter: 5_000, gap: 50, concurrency: 4 })
    for (let i = 0; i < 10_000; i++) schedule.add(`agent-${i}`, 0)
    const last = new Map<string, number>()
    let widest = 0
    for (let now = schedule.nextDue()!; now < 7_200_000; now = schedule.nextDue()!) {
      const name = schedule.take(now)!
      widest = Math.max(widest, now - (last.get(name) ?? now))
      last.set(name, now)
      schedule.done(name, true, now + 40)
    }
    assert.equal(last.size, 10_000)
    assert.ok(widest < 3_600_000, `${widest} ms between two announcements of a name`)
  })

  it('keeps every name that was added and not removed, whatever happens (property)', () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'remove', 'take', 'ok', 'fail'),
      name: fc.constantFrom('a', 'b', 'c')
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const schedule = new AnnouncementSchedule(OPTIONS)
        const wanted = new Set<string>()
        const running = new Set<string>()
        let now = 0
        for (const { kind, name } of steps) {
          now += 5
          if (kind === 'add') {
            wanted.add(name)
            schedule.add(name, now)
          } else if (kind === 'remove') {
            wanted.delete(name)
            schedule.remove(name)
          } else if (kind === 'take') {
            const taken = schedule.take(now)
            if (taken === undefined) continue
            assert.ok(wanted.has(taken) && !running.has(taken))
            running.add(taken)
            assert.ok(running.size <= OPTIONS.concurrency)
          } else if (running.delete(name)) schedule.done(name, kind === 'ok', now)
          assert.equal(schedule.size, wanted.size)
        }
      })
    )
  })
})

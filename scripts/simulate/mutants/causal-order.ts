import type { Mutant } from './types.ts'

const promise = 'causal order'
const scenario = 'causal'

export const causalOrder: readonly Mutant[] = [
  {
    name: 'nothing waits for what it follows',
    promise,
    scenario,
    soon: true,
    file: 'src/core/causality/arrivals.ts',
    find: `if (stamp.previous > source.passed) return 'wait'
    if (source.highest > source.passed && source.before(number) > source.passed) return 'wait'
    const aside = stamp.repeats && stamp.elsewhere`,
    replace: 'const aside = true'
  },
  {
    name: 'a message does not wait for the one before it from the same node',
    promise,
    scenario,
    file: 'src/core/causality/arrivals.ts',
    find: "if (stamp.previous > source.passed) return 'wait'",
    replace: ''
  },
  {
    name: 'of what a message follows the first is not looked at',
    promise,
    scenario,
    soon: true,
    file: 'src/core/causality/hearsay.ts',
    find: 'for (let i = 0; i < count; i++) {\n      const heard',
    replace: 'for (let i = 1; i < count; i++) {\n      const heard'
  },
  {
    name: 'what a message that was handed out at once follows is forgotten',
    promise,
    scenario,
    file: 'src/core/causality/arrivals.ts',
    find: 'else if (count > 0) stamp.elsewhere = this.#hearsay.inherit(stamp.changes, count, now)',
    replace: ''
  },
  {
    name: 'what a message that has waited follows is forgotten',
    promise,
    scenario,
    file: 'src/core/causality/arrivals.ts',
    find: 'this.#hearsay.inherit(what.told, what.told.length, now)',
    replace: ''
  },
  {
    name: 'a publication is not in the past of whoever hears it',
    promise,
    scenario,
    soon: true,
    file: 'src/core/causality/hearsay.ts',
    find: 'changes: [...changes.slice(0, count), itself], count: count + 1, told: count + 1',
    replace: 'changes: changes.slice(0, count), count, told: count'
  },
  {
    name: 'what waits goes on when the first that it waits for has come',
    promise,
    scenario,
    file: 'src/core/causality/arrivals.ts',
    find: 'if (unmet !== undefined) this.#enlist(next, unmet, now)\n        else this.#go(next, now, sink)',
    replace: 'this.#go(next, now, sink)'
  },
  {
    name: 'what a node has published is not in its own past',
    promise,
    scenario,
    file: 'src/core/causality/sending.ts',
    find: 'this.past.hold(own, number, now)',
    replace: ''
  },
  {
    name: 'what a node has sent is not in its own past',
    promise,
    scenario,
    file: 'src/core/causality/sending.ts',
    find: 'this.past.hold(target.own, number, now)',
    replace: ''
  },
  {
    name: 'of a publication that goes two ways one is waited for',
    promise,
    scenario,
    file: 'src/core/causality/hearsay.ts',
    find: 'if (heard.role === Role.twofold && (this.#neededToo(heard)?.passed ?? heard.number) < heard.number) return false',
    replace: ''
  },
  {
    name: 'who hears a publication by one way does not know that it goes another',
    promise,
    scenario,
    file: 'src/runtime/pubsub/publisher.ts',
    find: 'publicationKind(once ? route.wide : undefined, keeps)',
    replace: 'publicationKind(once ? route.wide : undefined, keeps && !once)'
  },
  {
    name: 'what a message sent again told first is not told again',
    promise,
    scenario,
    file: 'src/core/causality/sending.ts',
    find: 'stamp.again = [...told, ...others]',
    replace: 'stamp.again = others'
  }
]

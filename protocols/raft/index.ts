export * from './codec.ts'
export * from './constants.ts'
export * from './entries.ts'
export type * from './messages.ts'

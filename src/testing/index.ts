export type { DiskConditions } from './disk.ts'
export type { Conditions } from './medium.ts'
export { createMesh, type Mesh, type MeshOptions, type RunOptions, type SimulatedNodeOptions } from './mesh.ts'
export type { Trace } from './trace.ts'

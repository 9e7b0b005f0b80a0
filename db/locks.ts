import type { Tx } from './database.ts'

/** Makes changes that must see each other (which owner key is the last?) wait for one another. */
export const lockOrganization = (tx: Tx, id: string) =>
  tx.run('SELECT id FROM organizations WHERE id = $1 FOR UPDATE', [id])

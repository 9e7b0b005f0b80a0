import type { TenantScope } from '../../core/actor.ts'
import { notFound } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { Secret } from '../../core/secret.ts'
import type { Database } from '../../db/database.ts'
import { nearestSecret, type SecretPlace } from '../../db/secrets.ts'
import type { Vault } from '../vault/vault.ts'

/** What a secret's value is sealed for; see {@link Vault.seal}. */
export const secretPurpose = (id: string) => `secret:${id}`

/**
 * The value a workflow gets for a secret's name: text as it is, JSON parsed. The nearest one counts: of the
 * customer in the environment, of the customer, of the environment, of the organization.
 * @param scope the organization's own scope reaches all four; one limited to customers only theirs
 * @throws AppError `not_found` when none is set at any of them
 */
export async function openSecret(
  db: Database,
  vault: Vault,
  scope: TenantScope,
  place: SecretPlace,
): Promise<Secret<Json>> {
  return db.read(scope, async (tx) => {
    const found = await nearestSecret(tx, place)
    if (found === undefined) {
      throw notFound('secret', place.name, 'Set it with set_secret; list_secrets shows the names there are.')
    }
    const text = await vault.open(tx, scope.organizationId, secretPurpose(found.id), found.value)
    return found.kind === 'text' ? text : new Secret(JSON.parse(text.reveal()) as Json)
  })
}

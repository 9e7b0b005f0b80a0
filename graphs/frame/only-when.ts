import type { z } from 'zod'

/**
 * A field of an answer that counts only where another field has one of these values, told in its JSON Schema as `x-when`:
 * whoever asks field by field leaves it out otherwise.
 */
export const onlyWhen = <S extends z.ZodType>(schema: S, when: Record<string, readonly string[]>): S =>
  schema.meta({ ...schema.meta(), 'x-when': when }) as S

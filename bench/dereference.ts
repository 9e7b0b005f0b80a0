import SwaggerParser from '@apidevtools/swagger-parser'

/** References to other addresses are left: GitHub's description has some in examples, which are data. */
export const dereference = (path: string): Promise<unknown> =>
  SwaggerParser.dereference(path, { resolve: { external: false } })

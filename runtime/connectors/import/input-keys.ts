type InputPlace = 'path' | 'query' | 'header' | 'cookie' | 'body'

/** Hands out input keys; see {@link buildInputKeys}. */
export type InputKeys = (name: string, place: InputPlace) => string

/**
 * Names for the flat input of one action. A key is the name as the API has it, with characters that tool
 * clients refuse replaced by `_`. Ask in the order path, query, header, cookie, body: the first to ask gets
 * the plain name, a later one its place as a prefix (`query_id`, `body_id`), and a number if even that is taken.
 */
export function buildInputKeys(): InputKeys {
  const taken = new Set<string>()
  return (name, place) => {
    const plain = name.replace(/[^A-Za-z0-9_.-]+/g, '_').replace(/^_+(?=.)|(?<=.)_+$/g, '') || place
    let key = taken.has(plain) ? `${place}_${plain}` : plain
    for (let number = 2; taken.has(key); number += 1) key = `${place}_${plain}_${number}`
    taken.add(key)
    return key
  }
}

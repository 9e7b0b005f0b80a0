import type { Escape } from './escape.ts'

/** Roads to modules, to other realms, to native code and to memory that is shared. */
export const modulesAndWasm: Escape[] = [
  {
    by: 'import() from evaluated code, and the promise it leaves',
    source: 'vm2 CVE-2021-23449',
    body: `const seen = []; for (const code of ['import("node:fs")', 'import("fs")', 'import("./sandbox.ts")', 'import("data:text/javascript,export default 1")', 'import("file:///etc/passwd", { with: { type: "json" } })'])
        for (const run of [(0, eval), (c) => Function('return ' + c)(), (c) => new (async () => {}).constructor('return ' + c)()]) try { const p = run(code); seen.push(p); seen.push(await p); seen.push('loaded') } catch (e) { seen.push(e) }
      return [seen.includes('loaded'), loot(...seen)]`,
    gives: [false, []],
  },
  {
    by: 'require, process.binding and the module object',
    source: 'vm2 CVE-2026-44007 (nesting); node:vm',
    body: `const out = []; for (const code of ['import.meta', 'require("fs")', 'process.binding("fs")', 'module.constructor._load("fs")', 'process.mainModule.require("vm2")', 'globalThis.process.dlopen', 'internalBinding("fs")']) { try { out.push(typeof await (0, eval)(code)) } catch (e) { out.push(e.name) } }
      return out`,
    gives: [
      'SyntaxError',
      'ReferenceError',
      'ReferenceError',
      'ReferenceError',
      'ReferenceError',
      'TypeError',
      'ReferenceError',
    ],
  },
  {
    by: 'WebAssembly and its exception tag',
    source: 'vm2 GHSA-ffh4-j6h5-pg66 (JSTag)',
    body: `return [typeof WebAssembly, (0, eval)('typeof WebAssembly'), Object.getOwnPropertyNames(globalThis).includes('WebAssembly')]`,
    gives: ['undefined', 'undefined', false],
  },
  {
    by: 'promises of WebAssembly (JSPI)',
    source: 'vm2 CVE-2026-47210',
    body: `return [typeof globalThis.WebAssembly?.promising, typeof globalThis.WebAssembly?.Suspending]`,
    gives: ['undefined', 'undefined'],
  },
  {
    by: 'shared memory, atomics, weak references and finalizers',
    source: 'isolated-vm and Spectre: timers out of shared memory',
    body: `return ['SharedArrayBuffer', 'Atomics', 'WeakRef', 'FinalizationRegistry', 'Worker', 'MessageChannel', 'BroadcastChannel', 'performance', 'gc', 'd8', 'load', 'read', 'print', 'quit', 'drainJobQueue', 'version'].filter((n) => n in globalThis || (0, eval)('typeof ' + n) !== 'undefined')`,
    gives: [],
  },
  {
    by: 'another realm',
    source: 'ShadowRealm and iframes; vm2 docs/ATTACKS.md future risks',
    body: `return ['ShadowRealm', 'Realm', 'Compartment', 'document', 'createRealm', '$262', 'Temporal'].filter((n) => n !== 'Temporal' && n in globalThis)`,
    gives: [],
  },
  {
    by: 'V8’s own intrinsics in evaluated code',
    source: '--allow-natives-syntax',
    body: `const out = []; for (const code of ['%DebugPrint(1)', '%SystemBreak()', '%GetOptimizationStatus(loot)', '%_Call()']) { try { (0, eval)(code); out.push('ran') } catch (e) { out.push(e.name) } } return out`,
    gives: Array(4).fill('SyntaxError'),
  },
  {
    by: 'code that ends the wrapper around the module',
    source: 'injection into the text a sandbox wraps code in',
    body: `const out = []; for (const code of ['})(); process //', '}}); globalThis.hit = 1; (() => {{', '*/ require("fs") /*', '\\u2028process', 'return process']) { try { Function(code)(); out.push('ran') } catch (e) { out.push(e.name) } } return [out.includes('ran'), typeof hit]`,
    gives: [false, 'undefined'],
  },
  {
    by: 'names the bootstrap uses',
    source: 'isolated-vm: left-over bindings of the set-up code',
    body: `return ['send', 'control', '__connect', 'connect', 'p', 'primordials', 'encode', 'failures', 'link', 'seedCrypto', 'load', 'job', 'pending'].filter((n) => n in globalThis || (0, eval)('typeof ' + n) !== 'undefined')`,
    gives: [],
  },
  {
    by: 'the wrapper’s own scope object',
    source: 'injection into the text a sandbox wraps code in',
    body: `const names = Array.from({ length: 6 }, (_, i) => '$' + 'w'.repeat(i + 1)); const found = []
      for (const name of names) try { found.push(eval(name)) } catch {}
      return loot(...found)`,
    gives: [],
  },
]

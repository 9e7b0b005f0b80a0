/** In a case: becomes what is new each time the suite runs. */
export const RUN_TOKEN = '{{run}}'

export const CASES = `You write the test cases of a workflow. Each is an input and the end state it must lead to; a program runs the workflow with that input, against real test accounts or with mocks, and judges by what it returned and which actions it called.

- Cover: the plain case with exact values; the same input once more, where duplicates must be skipped; every rule and filter on both sides; empty and missing optional fields; amounts and dates that show whether a mapping is right (never the same value in two fields, so that swapped mappings are seen); an input that must fail.
- 3 to 12 cases, fewest that tell a right workflow from a wrong one. They run in the order given and leave behind what they make: begin names and identifiers of made records with "patchbay-test-${RUN_TOKEN}-"; ${RUN_TOKEN} becomes something new each time the suite runs, and the same within it.
- mode mock where a live run would delete or change what was there before, send something to people, move money, or where the app would have to fail (refuse, be rate limited, be down): then mocks say what each action the run calls answers, as its output schema has it. All others are live.
- expect.output looks into what the code returns: only paths the code really returns. expect.calls counts calls of actions in that run: 0 where it must not be called.
- A case that expects completed has at least one of both. A status of 200 proves nothing.
- The input must fit the workflow's input schema, except in a case that expects failed because it does not. What a webhook brings is not checked against the schema: where the plan's trigger is one, each input fits, and what must fail is what the code refuses.`

/**
 * The nodes at which tests kill the server (`killAtEveryNode`, which fails unless the run comes to each), by the agent that
 * is run. What several agents have in common is killed in one of them; `tests/killed-nodes.test.ts` finds what is missing.
 */
export const KILLED_NODES = {
  connector_agent: ['discover', 'create', 'build_events', 'find_events', 'ask_to_test'],
  connector_repairer: ['take_over'],
  action_fixer: ['plan_test', 'test_group', 'tell_test', 'ask_to_fix', 'fix', 'review', 'take_back'],
  event_builder: ['look_up'],
  workflow_agent: [
    'understand',
    'ask_questions',
    'draft_plan',
    'approve_plan',
    'write_code',
    'store',
    'approve_build',
    'write_cases',
    'approve_cases',
    'check_accounts',
    'run_cases',
    'mend',
    'settle',
    'approve_tests',
    'deploy',
    'take_back',
    'conclude',
  ],
  planner: ['approve_plan'],
  workflow_builder: ['check_plan', 'write_code', 'approve_code'],
  test_case_agent: ['load'],
  assistant: ['talk', 'act', 'listen'],
} as const

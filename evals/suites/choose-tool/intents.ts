export interface Intent {
  /** Toolset, by which rates are told. */
  group: string
  /** Any of these does what is asked for; the first is what the oracle takes. */
  tools: readonly [string, ...string[]]
  /** The same wish in the words of several people. */
  says: readonly string[]
}

/**
 * Wishes as users have them, for which there is a tool. Written without the tools' texts at hand, to be found by
 * meaning; where two tools do, both are named.
 */
export const intents: readonly Intent[] = [
  {
    group: 'organization',
    tools: ['whoami'],
    says: [
      'Which permissions does the key I am using have?',
      'Am I logged in as an admin here?',
      'What can I do with my current credentials?',
      'Tell me what account and role this session runs under.',
    ],
  },
  {
    group: 'organization',
    tools: ['create_api_key'],
    says: [
      'Our CI needs its own credential for Patchbay, please issue one.',
      'Generate a read-only token that a colleague can use against this platform.',
      'I want a key that only works for customer acme.',
      'Make me a new API key that expires in 30 days.',
    ],
  },
  {
    group: 'organization',
    tools: ['revoke_api_key'],
    says: [
      'The key of our old CI leaked. Make it stop working.',
      'Invalidate the API key named staging-bot.',
      'Somebody left the company, take away the token they used with Patchbay.',
      'Disable the access key key_0192.',
    ],
  },
  {
    group: 'organization',
    tools: ['list_audit_log'],
    says: [
      'Who changed the settings last Tuesday?',
      'I need a record of everything administrators did this month.',
      'Was it one of us who removed the connector, and when?',
      'Show me the audit trail.',
    ],
  },
  {
    group: 'connectors',
    tools: ['import_spec'],
    says: [
      'Here is an OpenAPI file of our billing system, turn it into a connector.',
      'Build actions from the Swagger document at https://api.acme.example/swagger.json.',
      'Load this Postman collection so that I can call its requests as actions.',
      'I have the API description of the app as YAML; make it usable here.',
    ],
  },
  {
    group: 'connectors',
    tools: ['discover_spec'],
    says: [
      'Does acme.example publish an OpenAPI document anywhere?',
      'Look on the developer site of this vendor for a machine-readable API description.',
      'Find out where the swagger file of this service is.',
      'I only know the domain of the app. Locate its API specification.',
    ],
  },
  {
    group: 'connectors',
    tools: ['create_action'],
    says: [
      'The Shop connector lacks a call to cancel an order. Put one in by hand.',
      'Add an endpoint POST /refunds to the connector shop.',
      'Define one more operation on my hand-made connector.',
      'I need a new action listInvoices for ledger, GET /invoices.',
    ],
  },
  {
    group: 'connectors',
    tools: ['run_action'],
    says: [
      'Fetch order 1042 from the shop right now.',
      'Call createInvoice of ledger with these values.',
      'Send a message through the Slack connector, just this once.',
      'Try the getUser operation with my account and show what comes back.',
    ],
  },
  {
    group: 'connectors',
    tools: ['test_actions', 'test_connector'],
    says: [
      'Check every operation of this connector against my sandbox account and tell me which work.',
      'Verify that all reads of the CRM connector really answer as described.',
      'Do a test run over the whole connector, clean up after it, and give me verdicts with evidence.',
      'Before we ship it, exercise the connector’s calls with a test account.',
    ],
  },
  {
    group: 'connectors',
    tools: ['propose_action_fix', 'fix_action'],
    says: [
      'createInvoice fails with 422 since yesterday. What would repair it?',
      'This action is broken; suggest a patch.',
      'Diagnose why the call gets rejected and how its definition should change.',
      'The API moved a field and our action no longer works; work out the correction.',
    ],
  },
  {
    group: 'connectors',
    tools: ['list_actions'],
    says: [
      'What operations does the ledger connector offer?',
      'Which calls can I make with shop?',
      'Enumerate everything the Slack connector can do.',
      'Show all endpoints defined for this app.',
    ],
  },
  {
    group: 'connectors',
    tools: ['get_action'],
    says: [
      'Which inputs does createInvoice of ledger take?',
      'Show the definition of the action shop.getOrder.',
      'What does the listUsers call of this connector send and return, exactly?',
      'I need the schema of one particular action.',
    ],
  },
  {
    group: 'connectors',
    tools: ['diff_connector_versions'],
    says: [
      'What changed in the connector between version 3 and version 5?',
      'Compare two revisions of shop and tell me what is breaking.',
      'Is the newest version of ledger compatible with the one before?',
      'Show the differences of the last two imports of the CRM connector.',
    ],
  },
  {
    group: 'connectors',
    tools: ['restore_connector_version'],
    says: [
      'The last import broke the connector. Bring back the one from before.',
      'Revert shop to revision 4.',
      'Undo the latest change of the connector definition.',
      'Go back to how the ledger connector was on Monday.',
    ],
  },
  {
    group: 'connectors',
    tools: ['pin_connector_version'],
    says: [
      'Customer acme must stay on version 2 of the connector for now.',
      'Keep this tenant on the old revision while the others move on.',
      'Freeze the shop connector for one customer.',
      'Do not let acme get the new connector release yet.',
    ],
  },
  {
    group: 'docs',
    tools: ['index_api_docs'],
    says: [
      'Read the developer documentation at https://docs.acme.example so that we can look things up later.',
      'Take this Markdown manual of the API into the knowledge base.',
      'Crawl the vendor’s reference pages and make them searchable.',
      'Add the docs of the ledger API to what agents can consult.',
    ],
  },
  {
    group: 'docs',
    tools: ['search_api_docs'],
    says: [
      'What does the documentation say about pagination of orders?',
      'Look up in the manuals how rate limits of this vendor work.',
      'Find the passage in the docs that explains the field tax_mode.',
      'How is a webhook signature computed, according to their reference?',
    ],
  },
  {
    group: 'customers',
    tools: ['create_customer'],
    says: [
      'A new client, Globex, signed up. Set them up.',
      'Register tenant initech in the platform.',
      'Add another company for whom integrations will run.',
      'Onboard Umbrella as one of our customers.',
    ],
  },
  {
    group: 'customers',
    tools: ['list_customers'],
    says: [
      'Which companies do we run integrations for?',
      'How many tenants do we have?',
      'Show me every client in here.',
      'Find the customer whose name begins with Acme.',
    ],
  },
  {
    group: 'connections',
    tools: ['create_connect_link'],
    says: [
      'I want to mail acme a URL where they can authorise their HubSpot account themselves.',
      'Give me a page that lets a customer hook up their own shop account.',
      'How can my user link their account without telling me the password? Send them something.',
      'Produce an invitation to connect the ledger app.',
    ],
  },
  {
    group: 'connections',
    tools: ['create_connection'],
    says: [
      'Store this API token so that calls to ledger for acme use it.',
      'Here are the username and password of the shop account, use them from now on.',
      'Authenticate the CRM connector with key sk-123.',
      'Attach a customer’s account to the connector, I have the credentials here.',
    ],
  },
  {
    group: 'connections',
    tools: ['verify_connection'],
    says: [
      'Are the stored credentials of acme’s shop account still valid?',
      'Check whether the token we hold still works.',
      'Does the connected ledger account still let us in?',
      'See if the saved login has gone bad.',
    ],
  },
  {
    group: 'connections',
    tools: ['list_connections'],
    says: [
      'Which accounts has acme linked?',
      'Are there any connected accounts that are broken?',
      'Show all authenticated accounts of the CRM app.',
      'Who has hooked up Slack?',
    ],
  },
  {
    group: 'oauth',
    tools: ['create_oauth_app'],
    says: [
      'I registered a client at Google; here are client id and client secret to log users in with.',
      'Save our Salesforce OAuth client.',
      'Use these OAuth client credentials of ours for the HubSpot connector.',
      'Set up the consent flow’s client id for Slack.',
    ],
  },
  {
    group: 'oauth',
    tools: ['start_oauth', 'create_connect_link'],
    says: [
      'Begin the consent flow so that I can grant access to my Google account.',
      'Open the provider’s authorisation page for the CRM.',
      'I want to sign in at Salesforce and let Patchbay act for me.',
      'Kick off the OAuth dance for customer acme.',
    ],
  },
  {
    group: 'files',
    tools: ['upload_file'],
    says: [
      'Put this PDF where an action can send it.',
      'I have an image that the next call should attach.',
      'Keep this CSV in Patchbay for a later action.',
      'Transfer a document from my disk to the platform.',
    ],
  },
  {
    group: 'webhooks',
    tools: ['create_webhook_endpoint'],
    says: [
      'Our backend wants to hear about failed executions at https://app.example/hooks.',
      'Notify our product by HTTP whenever a connection breaks.',
      'Subscribe my server to what happens in Patchbay.',
      'Push platform events to our own URL, signed.',
    ],
  },
  {
    group: 'webhooks',
    tools: ['redeliver_webhook'],
    says: [
      'Our endpoint was down when you notified us; send that notification once more.',
      'Resend the outgoing webhook that got no answer.',
      'Attempt delivery whd_42 to our backend again.',
      'We lost one of the signed notifications you posted; repeat it.',
    ],
  },
  {
    group: 'workflows',
    tools: ['create_workflow'],
    says: [
      'Save this code as a new workflow that syncs orders.',
      'Start an automation called invoice-on-paid with the script below.',
      'I wrote an integration in TypeScript; register it.',
      'Make a new workflow that copies contacts.',
    ],
  },
  {
    group: 'workflows',
    tools: ['validate_workflow'],
    says: [
      'Does this workflow code compile? Do not save it.',
      'Check my script for mistakes before I store it.',
      'Would the platform accept this code?',
      'Lint and type-check the integration source.',
    ],
  },
  {
    group: 'workflows',
    tools: ['deploy_workflow'],
    says: [
      'Put version 3 of order-sync live.',
      'Ship the workflow to production.',
      'Release invoice-on-paid to staging.',
      'Make the published version run in prod.',
    ],
  },
  {
    group: 'workflows',
    tools: ['rollback_workflow'],
    says: [
      'The deployment of order-sync is bad, return production to the previous one.',
      'Undo the last release of the workflow.',
      'Back out what we deployed an hour ago.',
      'Prod is broken since the new version of the workflow, switch back.',
    ],
  },
  {
    group: 'workflows',
    tools: ['run_workflow'],
    says: [
      'Execute order-sync now with this input.',
      'Trigger the workflow by hand once.',
      'Fire invoice-on-paid for order 17.',
      'Start the nightly job immediately instead of waiting.',
    ],
  },
  {
    group: 'workflows',
    tools: ['generate_types'],
    says: [
      'I want autocompletion for my connectors in my editor.',
      'Give me a .d.ts of what ctx offers.',
      'Produce TypeScript declarations for the actions.',
      'My IDE does not know the inputs of the connector calls; help it.',
    ],
  },
  {
    group: 'triggers',
    tools: ['create_scheduler'],
    says: [
      'Run order-sync every night at two.',
      'Execute this workflow each Monday, 9:00 Berlin time.',
      'Set up a cron job for the import.',
      'I want the sync to happen hourly.',
    ],
  },
  {
    group: 'triggers',
    tools: ['create_webhook'],
    says: [
      'Give me a URL that Shopify can post to so that my workflow starts.',
      'Start invoice-on-paid whenever the shop calls us.',
      'Receive incoming events from GitHub and hand them to a workflow.',
      'I need an address at which the app can deliver its notifications to us.',
    ],
  },
  {
    group: 'triggers',
    tools: ['rotate_webhook_secret'],
    says: [
      'The signing secret of the incoming hook got out; replace it.',
      'Change the shared secret the shop signs its requests with.',
      'We have to renew the HMAC key of the inbound trigger.',
      'Give the trigger a fresh signature secret.',
    ],
  },
  {
    group: 'activity',
    tools: ['list_executions'],
    says: [
      'Which runs failed today?',
      'Show what order-sync did over the weekend.',
      'How many times did the workflow run for acme?',
      'Are there any jobs still going on?',
    ],
  },
  {
    group: 'activity',
    tools: ['list_execution_steps', 'get_execution'],
    says: [
      'At which step did run exe_81 get stuck?',
      'Walk me through what happened inside that run, step by step.',
      'Which calls did execution exe_81 make, in order?',
      'Break the run down into its steps with their timing.',
    ],
  },
  {
    group: 'activity',
    tools: ['get_trace'],
    says: [
      'What exactly was sent to the API in trc_55, and what did it answer?',
      'Show request and response of that connector call.',
      'Open the call trc_55.',
      'I want the raw HTTP exchange behind this trace id.',
    ],
  },
  {
    group: 'activity',
    tools: ['list_dead_letters'],
    says: [
      'Which events were given up after all retries?',
      'What is in the DLQ?',
      'Show messages that could not be processed and were parked.',
      'Is there anything that failed for good and waits for us?',
    ],
  },
  {
    group: 'activity',
    tools: ['replay_dead_letter'],
    says: [
      'Take the parked message dlq_7 and process it again.',
      'The bug is fixed; give the failed event another go from the dead-letter queue.',
      'Reprocess what was given up on.',
      'Requeue that dead letter.',
    ],
  },
  {
    group: 'activity',
    tools: ['cancel_execution'],
    says: [
      'Stop the run exe_81, it loops.',
      'Abort the import that is under way.',
      'Kill the running job.',
      'That execution must not go on.',
    ],
  },
  {
    group: 'activity',
    tools: ['decide_approval'],
    says: [
      'Yes, the waiting run may pay the invoice.',
      'Reject the refund that the workflow asks permission for.',
      'Give the go-ahead for the step that waits for a human.',
      'Approve apr_12.',
    ],
  },
  {
    group: 'activity',
    tools: ['send_event'],
    says: [
      'The workflow waits for "payment.confirmed"; tell it that it happened.',
      'Wake up the run that sleeps until the shipment event.',
      'Signal the waiting execution with this payload.',
      'Emit order.shipped to whoever waits for it.',
    ],
  },
  {
    group: 'secrets',
    tools: ['set_secret'],
    says: [
      'My workflow needs a password; keep it encrypted.',
      'Store STRIPE_KEY safely for production.',
      'Replace the value of the encrypted variable SMTP_PASSWORD.',
      'Put this private token where only workflows can read it.',
    ],
  },
  {
    group: 'secrets',
    tools: ['list_secrets'],
    says: [
      'Which encrypted variables exist?',
      'Is there a SMTP_PASSWORD stored for production?',
      'Names of everything in the vault, please.',
      'What credentials have we saved for workflows to use?',
    ],
  },
  {
    group: 'configs',
    tools: ['set_config'],
    says: [
      'Set the tax rate that the workflow reads to 19 in prod.',
      'Change the setting batch_size of the dev environment to 50.',
      'The workflow should read a different warehouse id from now on, no code change.',
      'Store a plain value that scripts can look up per environment.',
    ],
  },
  {
    group: 'agents',
    tools: ['get_agent_run'],
    says: [
      'How far is the agent that builds my connector?',
      'Has run_91 of the agent finished?',
      'What does the agent wait for?',
      'Give me the result of the agent run.',
    ],
  },
  {
    group: 'agents',
    tools: ['answer_agent_run'],
    says: [
      'Tell the agent: yes, use the sandbox account.',
      'The agent asked whether to go on; say no.',
      'Reply to the question the builder asked me.',
      'Here is the information the waiting agent wanted.',
    ],
  },
  {
    group: 'agents',
    tools: ['rewind_agent_run'],
    says: [
      'Take the agent back to before it chose the wrong operations.',
      'Return the agent to an earlier checkpoint and let it go on from there.',
      'The agent went astray at the second step; reset it to that point.',
      'Go back in the agent’s work to where it made the plan.',
    ],
  },
  {
    group: 'agents',
    tools: ['build_workflow', 'generate_workflow'],
    says: [
      'When an order is paid in the shop, create the invoice in the ledger: let an agent write and test that.',
      'Have somebody program the integration for me, from this sentence.',
      'I cannot code. Turn my description into a working automation.',
      'Let the AI produce the sync between both apps.',
    ],
  },
  {
    group: 'agents',
    tools: ['plan_integration'],
    says: [
      'Before anything is made: draw up how the two apps should be integrated.',
      'Ask me what you need to know and outline the integration.',
      'I want a document that says how contacts will flow between the systems.',
      'Design the integration first, with field mappings, and build nothing.',
    ],
  },
  {
    group: 'agents',
    tools: ['write_test_cases'],
    says: [
      'Think of scenarios that my workflow has to survive.',
      'Which tests should order-sync have? Draft them.',
      'Come up with edge cases for the integration.',
      'I need a test plan for the workflow.',
    ],
  },
  {
    group: 'agents',
    tools: ['build_connector', 'start_agent_run'],
    says: [
      'This app has only prose documentation. Let an agent read it and make the connector.',
      'Have the whole connector built, tried out and mended for me.',
      'Let the AI turn the vendor’s manual into working actions.',
      'I want a tested connector for acme without doing it myself.',
    ],
  },
]

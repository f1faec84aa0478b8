"""The rows of the orchestration contract: ID and what it says, in a few words. A row of a table has the number of its
table and a word of its own; so have the rules that stand in lists. What does not apply has its reason behind
a second |."""

TEXT = """
# 1.1 endpoints
E1 | POST /upgrade/kyma is accepted with an ID
E2 | POST /upgrade/cluster is accepted with an ID
E3 | GET /orchestrations is a list
E4 | GET of one orchestration
E5 | PUT cancel answers with the ID
E6 | POST retry answers with the five members
E7 | GET the operations of an orchestration
E8 | GET one operation
E9 | GET /runtimes is a page
1.1/content-type | E1 and E2 take a body under any content type
1.1/json | answers are application/json without charset, no newline at the end
1.1/not-found | another path, method or a slash at the end: 404 as plain text
1.1/decoded | IDs in paths are percent-decoded, any text may be one
1.1/form | a plus in a query is a space
1.1/ignored | unknown query parameters do not matter
# 1.2 errors
1.2/shape | every error answer is an object with the text under error
1.2/decoding | a body that does not decode
1.2/include | nothing to include
1.2/version | a version in no known form
1.2/paging | wrong paging, on each of the lists
1.2/404-orchestration | reading what belongs to an unknown orchestration
1.2/404-cancel | cancelling an unknown orchestration
1.2/404-retry | retrying an unknown orchestration
1.2/404-operation | an unknown operation of a known orchestration
1.2/415 | a retry under another media type
1.2/500 | storage that fails for five seconds: an error of the server (503 here, with Retry-After)
1.2/order-paging | paging is looked at before the orchestration
1.2/order-retry | media type, then form, then orchestration
1.2/order-operation | the orchestration, then the operation
# 1.3 paging
1.3/page_size | default, range, and its four texts
1.3/page | default, range, and its three texts
1.3/empty | an empty value is no integer; page_size comes first
1.3/past | past the end: no data, the true total
1.3/count | of this page, and of all
1.3/order | the oldest first
1.3/ties | equal times are ordered by ID: pages are stable
1.3/maximum | a page of 100 can always be had
1.3/loop | asking until the counts reach the total comes to an end
# 1.4 orchestration
1.4/orchestrationID | a UUID
1.4/type | of two words
1.4/state | a state
1.4/description | a text
1.4/createdAt | a time
1.4/updatedAt | moves with cancel, retry and end, not with the start
1.4/parameters | what was asked for
1.4/operationStats | in the single answer alone, and only with operations
1.4/stats | the states that occur, no zeros
# 1.5 list
1.5/state | filtered by exact state, several are OR-ed
1.5/unknown | an unknown or empty state matches nothing
1.5/types | both types in one list, no other filter
1.5/empty | an empty list, never null
# 1.6 operation
1.6/operationID | its ID
1.6/runtimeID | its runtime
1.6/accounts | global account and subaccount of the instance
1.6/orchestrationID | the orchestration's
1.6/servicePlanID | ID of the plan
1.6/servicePlanName | name of the plan
1.6/dryRun | a boolean, always there
1.6/shootName | the cluster
1.6/window | begin and end of the window that was found
1.6/state | a state
1.6/description | a text
1.6/no-more | no times, no instance, no type
1.6/list | data, count, total, state filter
1.6/unresolved | no operations yet: an empty list
1.6/gcp | plan ID
1.6/aws | plan ID
1.6/aws_ha | plan ID
1.6/azure | plan ID
1.6/azure_lite | plan ID
1.6/azure_ha | plan ID
1.6/trial | plan ID
1.6/openstack | plan ID
1.6/free | plan ID
1.6/preview | plan ID
# 1.7 detail
1.7/kymaConfig | of a Kyma upgrade, and no other
1.7/clusterConfig | of a cluster upgrade, and no other
1.7/before | there with empty values before anything is sent
1.7/kyma-members | version, profile, components, configuration, conflictStrategy; null where nothing is
1.7/cluster-members | all members of a cluster, null or zero where nothing is
1.7/cluster-filled | an upgrade fills versions, images, scaling, updates and OIDC alone
1.7/dry | a dry run shows what it would send
1.7/foreign | operations of another orchestration or type are not found
1.7/masked | secret values are masked
# 1.8 who may
1.8/upgrade | admins
1.8/orchestrations | reads: operators or admins; writes: admins
1.8/runtimes | operators or admins
1.8/401 | no, wrong or expired token
1.8/403 | a good token without the group
1.8/first | before anything else
# 1.9 runtimes: filters
1.9/account | a global account, exactly
1.9/subaccount | a subaccount
1.9/instance_id | an instance
1.9/runtime_id | a runtime
1.9/region | a region of the provider
1.9/plan | a plan by name
1.9/shoot | a cluster by its exact name
1.9/op_detail | all or last, the last known value wins
1.9/configs | configurations with the exact word true
1.9/page | paging as everywhere
1.9/combined | values of one are OR-ed, different ones AND-ed
1.9/succeeded | newest operation succeeded
1.9/failed | provisioning or deprovisioning failed
1.9/error | another operation failed
1.9/provisioning | a provisioning or deprovisioning runs
1.9/upgrading | an upgrade runs
1.9/updating | an update runs | the broker here makes no updates
1.9/suspended | deprovisioned, the instance still there
1.9/all | overrides every other value
1.9/absent | everything but what is suspended
1.9/pending-alone | an instance without a started operation is listed without a filter
1.9/unknown | 400 for an unknown state
# 1.9 runtimes: the object
1.9/ids | the five IDs
1.9/r-region | provider's region
1.9/subAccountRegion | platform region, cf-eu10 by default
1.9/shootName | cluster
1.9/service | class, plan, provider
1.9/r-status | the status
1.9/userID | a text
1.9/avsInternalEvaluationID | an integer
1.9/kymaVersion | with op_detail=all, left out when there is none
1.9/r-configs | configurations where asked for
1.9/status-members | times and state always, operations where there are any
1.9/operation | state, description, createdAt, operationID, and the orchestration's ID where there is one
1.9/content-all | newest two upgrades, dry runs left out, total of all
1.9/pending-too | what waits, is retried or was canceled before its start is in the lists and their totals
1.9/content-last | the newest operation alone
1.9/version-all | of the newest upgrade that counts
1.9/version-last | left out
1.9/derived | the state follows from the newest operation shown
1.9/modifiedAt | last update of the newest operation
1.9/newest-config | of an upgrade that was sent; dry runs never
# 1.10 times
1.10/rfc3339 | no zeros at the end of a fraction, Z
1.10/none | year one for no time
1.10/utc | windows with offsets are shown in UTC
# 2.1 body
2.1/case | member names in any case
2.1/unknown | unknown members do not matter
2.1/null | null is absent
2.1/last | of a repeated member the last counts
2.1/behind | what stands behind the first value is not read
2.1/type | a wrong type is refused
2.1/workers | workers is an integer literal
# 2.2 fields
2.2/include | one selector at least
2.2/exclude | always wins
2.2/type | parallel by default
2.2/schedule | immediate by default, or maintenanceWindow
2.2/workers | 0 is 1
2.2/dryRun | false by default
2.2/version | the version asked for
2.2/kubernetes | recorded and shown
# 2.3 selectors
2.3/target | all
2.3/globalAccount | a pattern
2.3/subAccount | a pattern
2.3/region | a pattern
2.3/runtimeID | exact, alone
2.3/instanceID | exact
2.3/planName | exact
2.3/shoot | exact
2.3/and-or | members are AND-ed, selectors OR-ed, each runtime once
2.3/re2 | RE2 syntax, found anywhere, no back references
2.3/narrowed | all with a region is those of the region
2.3/p-pattern | an invalid pattern is refused
2.3/p-empty | a selector without a member is refused
2.3/p-target | another target than all is refused
2.3/p-unknown | an unknown member of a selector is refused
2.3/p-workers | negative or too many workers are refused
2.3/p-strategy | unknown type or schedule is refused
# 2.4, 2.5, 2.6
2.4/complete | targets and a whole strategy right after the 202
2.4/dryRun | left out when false
2.4/absent | kyma and kubernetes left out when absent, else as sent
2.4/three | kubernetes shows its three members
2.4/empty | empty members and an empty exclude are left out
2.5/kyma | the default version is shown
2.5/kubernetes | replaced whole without a version
2.5/kept | retry does not change it
2.6/semantic | three numbers, a suffix, or one number
2.6/pull-request | PR and a number
2.6/commit | branch and commit
2.6/empty | accepted
2.6/form | other forms are refused
2.6/existence | checked by what is there, not by a public service
# 3.1 states of orchestrations
3.1/words | seven states
3.1/created | pending at first
3.1/started | in progress when it has targets
3.1/zero | succeeded without targets
3.1/unresolved | failed where resolution fails
3.1/finished | the end of the last operation ends it
3.1/canceling | pending, in progress, retrying: canceling at once
3.1/canceled | canceled when nothing is in progress
3.1/retrying | failed, then retrying
3.1/resumed | retrying, then in progress
3.1/none-found | retrying without operations: succeeded | a retry names at least one operation, in one step
3.1/unreadable | operations that cannot be read | operations are read from the log, not from storage
3.1/final | canceled and succeeded stay
# 3.2 states of operations
3.2/words | six states
3.2/created | one for each runtime, all at once, pending
3.2/started | pending, in progress
3.2/canceled | pending, canceled
3.2/preempted | succeeded where the runtime is deprovisioned
3.2/ended | in progress, succeeded or failed
3.2/retrying | failed, retrying
3.2/again | retrying, pending
# 3.3 descriptions
3.3/queued | queued for processing
3.3/scheduled | how many were scheduled
3.3/resolving | while resolving operations
3.3/canceled | the cancel replaces the text
3.3/retrying | is added by a retry
3.3/retried | how many were retried, once for each retry
3.3/o-created | Operation created
3.3/o-upgrade | upgrade in progress, of Kyma or the cluster
3.3/o-post | monitoring restored | nothing is monitored
3.3/o-message | the provisioner's message
3.3/o-ready | cluster configuration ready | no reconciler
3.3/o-dry | dry run succeeded
3.3/o-preempted | by which deprovisioning
3.3/o-swept | canceled at the end of a cancel
3.3/o-picked | canceled by a worker | canceled operations end in one step, none is picked up later
3.3/o-queued | queued for retrying
3.3/o-triggered | retry triggered
3.3/o-failed | failed status of the provisioner
3.3/o-unsupported | unsupported status | the provisioner here has no other states
3.3/o-limit | the time limit | stages have limits of their own at the provisioner
3.3/o-bad-data | bad data
3.3/o-reconciler | of the reconciler | no reconciler
3.3/o-other | any other text
# 3.4 to 3.9
3.4/queues | in order of arrival, a queue for each type
3.4/one | one at a time of a type, the others pending
3.4/runtime | one operation at a time on a runtime, across types
3.4/order | selectors' order, then names; never more than workers
3.4/failed | one that fails stops no other
3.4/prompt | the end is seen within two seconds
3.5/goes-on | while anything is pending or runs; then failed if any failed
3.5/all-count | after a partial retry the others still count
3.5/canceling | failed ones do not matter to a cancel
3.5/zero | nothing to do has succeeded
3.6/media | media type, with or without parameters
3.6/body | empty, or IDs; also in the query, after those of the body
3.6/bad-form | a form that does not decode
3.6/candidates | all failed ones, the oldest first
3.6/invalid | others are told apart, in the order of the request
3.6/old | a newer operation on the instance
3.6/in-progress | failed ones of a running orchestration
3.6/retrying | more of them while retrying
3.6/pending | nothing to retry
3.6/succeeded | nothing to retry
3.6/canceled | nothing to retry, nothing changes
3.6/answer | five members, null for nothing
3.6/no-valid | 202 with its text
3.6/keeps | ID, creation and version stay, it is sent again
3.6/window | the window is found anew
3.6/twice | an ID given twice
3.6/whole | all or nothing
3.7/records | real operations, end succeeded
3.7/shown | the configuration is shown
3.7/nothing | nothing is sent
3.7/as-usual | workers, cancel and windows as usual
3.8/unknown | 404
3.8/finished | 200, nothing changes
3.8/accepted | canceling, text, updatedAt
3.8/no-start | nothing new starts
3.8/running | what runs ends normally
3.8/swept | the waiting ones are canceled, then the whole
3.8/pending | a pending one is canceled at once
3.9/continued | after a restart operations go on where they were
3.9/pending | pending ones begin after a restart
3.9/canceling | all that are canceling end after a restart
3.9/kept | parameters and description stay
# 4 targets
4/once | resolved once, at the start
4/upgrades | failed or running upgrades do not exclude a runtime
4/no-runtime | no runtime ID | an instance always has a runtime ID
4/no-record | no instance: not selected
4/deprovisioned | deprovisioning or deprovisioned: skipped
4/not-provisioned | provisioning not succeeded | instances are imported provisioned
4/window | a malformed window | refused at import
4/order | first match wins, one for each runtime
4/exclude | wins
4/bad-runtime | a runtime that cannot be had fails alone
4/stored | data of the runtime do not change afterwards
# 5 windows
5.1/form | digits with offset; colons and Z are refused
5.2/immediate | no window
5.3/own | the runtime's own window
5.4/first | the first rule that matches
5.4/default | where none matches, not to complete a rule
5.4/each | days, begin and end replace each on its own
5.4/match | plan name, account, region; AND-ed
5.4/missing | without a policy the runtimes' own windows
5.4/invalid | an invalid policy is never half in force
5.5/open | an open window is due at once
5.5/next | a closed one is due at its next begin, on an allowed day
5.5/midnight | one that began yesterday is open
5.5/offset | days in the window's own offset
5.5/day | begin equal to end is a day
5.6/released | at its begin, in order, limited by workers
5.6/free | a later one blocks no earlier one
5.6/missed | missed ones move to the next window
5.6/started | a started one is never moved
# 6
6.1/preempted | deprovisioned: succeeded
6.1/canceled | of a canceled orchestration: canceled
6.1/busy | waits for another operation
6.1/send | sent once
6.2/request | the version asked for
6.2/account | else of subaccount, then of global account
6.2/default | else the default
6.2/major | an unknown major fails
6.2/kept | over retries
6.2/configuration | components and overrides
6.3/kubernetesVersion | the one asked for, else the setting
6.3/machineImage | asked for, else the setting, else left out
6.3/scaling | of the instance
6.3/auto-update | settings
6.3/oidcConfig | of the instance
6.3/administrators | of the instance
6.3/query | GraphQL text | the provisioner here is asked through the log
6.4/running | goes on
6.4/succeeded | with its message
6.4/failed | with its message
6.4/other | another state | the provisioner here has no other states
6.5/reconciler | Kyma 2 through a reconciler | no reconciler
# 7.1 kcp
7.1/bearer | an ID token as bearer
7.1/headers | no other header of its own
7.1/options | options, login, cache | the client's own
"""

TEXT_KCP = """
7.2/upgrade-all | upgrade kyma --target all
7.2/upgrade-full | upgrade kyma with everything
7.2/upgrade-cluster | upgrade cluster
7.2/orchestrations | the list, page after page
7.2/orchestrations-state | the list by state
7.2/orchestration | one
7.2/operations | its operations
7.2/operation | two of its operations
7.2/cancel | read, then cancel
7.2/retry | read, then retry all
7.2/retry-some | retry two
7.2/runtimes | the runtimes
7.2/runtimes-full | the runtimes with everything
7.2/others | runtimes without op_detail
7.2/slashes | repeated slashes, without redirect
7.3/status | exact status
7.3/decoding | what its decoder makes of answers
7.3/cancel | what it reads before a cancel
7.3/retry | what it reads before a retry
7.3/states | the words it sends as states
7.3/versions | what it checks itself | the client's own
7.3/t-orchestrations | orchestration table
7.3/t-orchestration | orchestration detail
7.3/t-operations | operations table
7.3/t-operation | operation detail
7.3/t-retry | the five members
7.3/t-runtimes | runtimes table
7.3/t-json | its own JSON | the client's own
Q1 | null for empty lists of a retry, [] for data
Q2 | operationStats missing
Q3 | year one for no window
Q4 | cancel of a finished one, retry of nothing: success
Q5 | the newest on the last page
Q6 | configurations with empty members before anything was sent
Q7 | dry runs and preempted ones have succeeded
Q8 | what the client sends by default is accepted
Q9 | patterns found anywhere, in the case given
Q10 | runtimeID makes the other members irrelevant
Q11 | 404 as plain text
Q12 | selectors and policy compare accounts
Q13 | both enrichments on both types
Q14 | a cancel waits for what runs
Q15 | suspended ones hidden; op_detail all
Q16 | the documentation's shapes never were
D1 | without kyma
D2 | requested Kubernetes values are sent, each falls back alone
D3 | dry runs change nothing
D4 | empty or misspelt selectors
D5 | invalid patterns in exclude
D6 | unknown schedule
D7 | negative workers
D8 | retry of a canceled one
D9 | retry of a running one is done
D10 | a cancel is not lost
D11 | all that are canceling are resumed
D12 | all operations or none
D13 | one bad runtime does not stop the fleet
D14 | missed windows
D15 | open after midnight
D16 | a broken policy
D17 | every error ends an operation
D18 | nothing is sent twice after a crash
D19 | refusals fail at once
D20 | one upgrade on a runtime; the slot is free while waiting
D21 | retry of Kyma 2 sends again
D22 | version forms; unknown major
D23 | detail: masked, of this orchestration, newest attempt, own source URLs
D24 | a pending operation alone breaks no list
D25 | the newest configuration
D26 | unknown state refused, filter and shown state agree
D27 | texts are not pasted into queries
D28 | no public service
D29 | optional components are passed on
D30 | operators may read
D31 | ends are seen at once
D32 | bad forms, legal parameters
D33 | one orchestration of a type at a time
D34 | an ID given twice
D35 | pending and canceled
D36 | shoot is no pattern
D37 | UTC everywhere
D38 | operations once after a crash
"""


def rows_of(text):
    """{ID: (what it says, why it does not apply or "")}"""
    rows = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            row, words, *reason = (part.strip() for part in line.split(" | "))
            assert row not in rows, row
            rows[row] = (words, reason[0] if reason else "")
    return rows


MANIFEST = {**rows_of(TEXT), **rows_of(TEXT_KCP)}

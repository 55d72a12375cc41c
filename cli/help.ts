export const EXAMPLES = `
Examples:
  perdure init my-agents                         create a project with two agents
  perdure start                                  run everything in one process
  perdure chat                                   start or continue the session "main"
  perdure chat support --agent assistant         a session with another name and a given agent
  perdure send "What is 6 × 7?" --wait           send a message and print the answer
  echo "Sum this up" | perdure send --wait       read the message from a pipe
  perdure send "Hi" --id order-17 --json         safe to repeat: the same id is the same message
  perdure inbox                                  what waits for an approval or an answer
  perdure watch main --json | jq .type           the events of a session, one JSON object per line
  perdure doctor                                 find problems and their remedies
  source <(perdure completion bash)              complete commands and options in this shell`;

export const EXIT_CODES = `
Exit codes:
    0  success
    1  failure: a run failed, the answer timed out, or a check found a problem
    2  invalid command line
    3  gateway, Temporal, store or model unavailable
    4  request refused: no such session, session ended, limit exceeded
  130  interrupted by Ctrl-C`;

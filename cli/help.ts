export const EXAMPLES = `
Examples:
  perdure init my-agents                         a new project with two agents
  perdure start                                  everything on this machine, in one process
  perdure chat                                   talk; come back later with the same command
  perdure chat support --agent assistant         a session of another name, with a certain agent
  perdure send "What is 6 × 7?" --wait           one question, one answer
  echo "Sum this up" | perdure send --wait       text from a pipe
  perdure send "Hi" --id order-17 --json         safe to repeat: the id makes it one message
  perdure watch main --json | jq .type           every event of a session, one JSON object a line
  perdure doctor                                 what is missing, and what to do about it`;

export const EXIT_CODES = `
Exit codes:
  0  it worked
  1  it failed: a run failed, no answer came in time, a check found a problem
  2  the command line was not understood
  3  gateway, Temporal, store or model do not answer
  4  the request was refused: no such session, ended, too large, a limit
  130  stopped by Ctrl-C`;

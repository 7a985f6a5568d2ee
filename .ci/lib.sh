# shellcheck shell=bash
# What the scripts here share: places, steps with their time, and the sandbox.

export CARGO_TERM_COLOR=never SAM_CLI_TELEMETRY=0 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The tools outlive `cargo clean` where CI_CACHE says so.
cache=${CI_CACHE:-$PWD/target/ci}
work=$PWD/target/ci/work
export PATH=$cache/venv/bin:$cache/bin:$PATH
mkdir -p "$cache" "$work"

# The machine's own account is none of this script's business: every client below speaks to the sandbox only.
unset AWS_PROFILE AWS_SESSION_TOKEN
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1

say() { printf '%s\n' "$*"; }

# step NAME COMMAND…: runs it under its name and says how long it took; a failure ends the run.
step() {
    local name=$1 began=$SECONDS status=0
    shift
    say "==> $name"
    # Not `"$@" || …`: that would switch `set -e` off inside functions.
    set +e
    (set -e; "$@")
    status=$?
    set -e
    if ((status)); then
        say "<== $name FAILED with $status after $((SECONDS - began)) s"
        exit "$status"
    fi
    say "<== $name: $((SECONDS - began)) s"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_sandbox: serves S3, SNS and Lambda until stop_sandbox; sets SANDBOX_URL.
start_sandbox() {
    local port
    port=$(free_port)
    SANDBOX_URL=http://127.0.0.1:$port
    export SANDBOX_URL
    target/release/s3-fanout sandbox --address "127.0.0.1:$port" --objects 25 >"$work/sandbox.log" 2>&1 &
    sandbox_pid=$!
    for _ in $(seq 120); do
        if (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return 0; fi
        kill -0 "$sandbox_pid" 2>/dev/null || break
        sleep 0.5
    done
    say "the sandbox did not come up:"
    tail -n 40 "$work/sandbox.log"
    return 1
}

stop_sandbox() {
    [[ ${sandbox_pid:-} ]] || return 0
    kill "$sandbox_pid" 2>/dev/null || true
    wait "$sandbox_pid" 2>/dev/null || true
    sandbox_pid=
}

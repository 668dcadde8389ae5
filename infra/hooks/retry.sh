# retry COMMAND...: repeats a command until it succeeds, with pauses that double. Source this file.
# A role that was just assigned is honoured only after some minutes; until then the service answers 403.
retry() {
  tries=${RETRY_TRIES:-8}
  pause=${RETRY_PAUSE_S:-5}
  while ! "$@"; do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then
      echo "$(basename "$0" .sh): gave up; the last error is above" >&2
      return 1
    fi
    echo "$(basename "$0" .sh): trying again in $pause s" >&2
    sleep "$pause"
    pause=$((pause * 2 > 120 ? 120 : pause * 2))
  done
}

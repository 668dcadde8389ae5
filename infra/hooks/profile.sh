#!/bin/sh
# Fails when the image that azure.yaml builds is not the one for VTO_PROFILE: azd can't choose a Dockerfile by a variable.
set -eu
cd "$(dirname "$0")/../.."
profile=${VTO_PROFILE:-cpu}
case $profile in
  cpu) wanted=vto_container/Dockerfile ;;
  a100) wanted=vto_container/Dockerfile.cuda ;;
  *)
    echo "profile: VTO_PROFILE is $profile: set it to cpu or a100 (azd env set VTO_PROFILE cpu)" >&2
    exit 1
    ;;
esac
built=$(sed -n 's/^ *path: *//p' azure.yaml)
if [ "$built" != "$wanted" ]; then
  echo "profile: VTO_PROFILE is $profile, but azure.yaml builds $built: set docker.path to $wanted" >&2
  exit 1
fi

#!/usr/bin/env bash
# One run on all hosts of a Cloud TPU slice. From a machine with gcloud:
#   NAME=my-tpu ZONE=us-central2-b launch/tpu.sh --config=experiments/configs/glns_digits.py:real --workdir=/shared/folder
# Each host holds the checkout in ~/collage, installed with: pip install -c constraints.txt -e '.[tpu]'. The workdir must
# be on a file system that all hosts see. A run that was stopped (status 75), or one of whose hosts is gone, is taken up
# again as long as the slice is there.
set -euo pipefail
: "${NAME:?say which TPU: NAME=..}" "${ZONE:?say where it is: ZONE=..}"

run="python3 -m launch.train --distributed $(printf '%q ' "$@")"
gcloud compute tpus tpu-vm ssh "$NAME" --zone="$ZONE" --worker=all \
  --command="cd ~/collage && status=75; while [ \$status = 75 ]; do status=0; $run || status=\$?; done; exit \$status"

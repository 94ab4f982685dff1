#!/usr/bin/env bash
# One run on all hosts of a Cloud TPU slice. From a machine with gcloud:
#   NAME=my-tpu ZONE=us-central2-b launch/tpu.sh --config=experiments/configs/glns_digits.py:real --workdir=/shared/folder
# Each host holds the checkout in ~/collage, installed with: pip install -c constraints.txt -e '.[tpu]'. The workdir must
# be on a file system that all hosts see.
set -euo pipefail
: "${NAME:?say which TPU: NAME=..}" "${ZONE:?say where it is: ZONE=..}"

gcloud compute tpus tpu-vm ssh "$NAME" --zone="$ZONE" --worker=all \
  --command="cd ~/collage && python3 -m launch.train --distributed $(printf '%q ' "$@")"

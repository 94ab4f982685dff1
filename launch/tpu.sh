#!/usr/bin/env bash
# One run on all hosts of a Cloud TPU slice. From a machine with gcloud, its key given to ssh-agent by ssh-add:
#   export NAME=my-tpu ZONE=us-east5-b
#   gcloud compute tpus queued-resources create "$NAME" --node-id="$NAME" --zone="$ZONE" --spot \
#     --accelerator-type=v6e-16 --runtime-version=v2-alpha-tpuv6e       # v5e: v2-alpha-tpuv5-lite
#   gcloud compute tpus queued-resources describe "$NAME" --zone="$ZONE" # until it is ACTIVE
#   gcloud compute tpus tpu-vm ssh "$NAME" --zone="$ZONE" --worker=all --command="pip install uv &&
#     git clone https://.. ~/collage && cd ~/collage && python3 -m uv venv --seed --python=3.11 .venv &&
#     .venv/bin/pip install -c constraints.txt -e '.[tpu]'"
#   launch/tpu.sh --config=experiments/configs/glns_digits.py:real --workdir=/shared/folder/runs/glns_digits
# The workdir must be on a file system that all hosts see. A run that was stopped (status 75), or one of whose hosts is
# gone, is taken up again as long as the slice is there. Where a spot slice was preempted, delete it and begin again:
# the run goes on from its last checkpoint.
#   gcloud compute tpus queued-resources delete "$NAME" --zone="$ZONE" --force
# Cloud TPU's service ends with v6e; later ones run on Kubernetes (launch/kubernetes.yaml).
set -euo pipefail
: "${NAME:?say which TPU: NAME=..}" "${ZONE:?say where it is: ZONE=..}"

run=".venv/bin/python -m launch.train --distributed $(printf '%q ' "$@")"
gcloud compute tpus tpu-vm ssh "$NAME" --zone="$ZONE" --worker=all \
  --command="cd ~/collage || exit; status=75
    while [ \$status = 75 ]; do status=0; $run || status=\$?; done; exit \$status"

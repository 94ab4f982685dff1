#!/usr/bin/env bash
# One run over several machines of a SLURM cluster, one process a machine. From the checkout:
#   sbatch launch/slurm.sh --config=experiments/configs/glns_digits.py:real --workdir=/shared/folder/runs/glns_digits
# The workdir must be on a file system that all machines see. A job that is stopped early is put back in the queue and
# goes on where it was.
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --output=%x-%j.out
set -euo pipefail

status=0
srun --kill-on-bad-exit=1 .venv/bin/python -m launch.train --distributed "$@" || status=$?
if [ "$status" = 75 ]; then # stopped, and the same command goes on
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"

# Many independent runs rather than one large one: a job array over the commands of a sweep.
#   .venv/bin/python -m launch.sweep --config=.. --workdir=.. --print_commands > commands.txt
#   sbatch --requeue --signal=TERM@120 --array=1-"$(wc -l < commands.txt)" --wrap \
#     'eval "srun $(sed -n "${SLURM_ARRAY_TASK_ID}p" commands.txt)" || [ $? != 75 ] || scontrol requeue "$SLURM_JOB_ID"'

#!/usr/bin/env bash
# One run over several machines of a SLURM cluster, one process a GPU. From the checkout:
#   sbatch launch/slurm.sh --config=experiments/configs/glns_digits.py:real --workdir=/shared/folder/runs/glns_digits
# The workdir must be on a file system that all machines see. What differs on your cluster goes before the script:
#   sbatch --nodes=1 --gpus-per-node=4 --ntasks-per-node=4 --partition=.. launch/slurm.sh --config=..
# Each task sees all GPUs of its machine and takes the one of its own number there; a run that would leave one idle is
# refused. Two minutes before the time limit, and where another process is gone, a run ends with status 75; then the job
# goes back into the queue, and later on from there. After preemption and a machine's failure SLURM does so by itself.
#SBATCH --nodes=2
#SBATCH --gpus-per-node=8
#SBATCH --ntasks-per-node=8
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.out
set -euo pipefail

# Without "B:" the signal goes to srun's tasks alone, so this script lives on to ask for their status. It is the highest
# of theirs: with --kill-on-bad-exit, that of a task that was killed because another had ended. They need no killing:
# each notices that another is gone. --cpus-per-task is not passed on by sbatch.
status=0
srun --kill-on-bad-exit=0 ${SLURM_CPUS_PER_TASK:+"--cpus-per-task=$SLURM_CPUS_PER_TASK"} \
  .venv/bin/python -m launch.train --distributed "$@" || status=$?
if [ "$status" = 75 ]; then # stopped, and the same command goes on
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"

#!/usr/bin/env bash
# Many independent runs on a SLURM cluster, each with a GPU of its own: the jobs of an array. From the checkout:
#   .venv/bin/python -m launch.sweep --config=.. --workdir=/shared/folder/runs/sweep --print_commands > commands.txt
#   sbatch --array=1-"$(wc -l < commands.txt)" launch/slurm_array.sh commands.txt
# --array=1-100%10 is ten at a time. A run that is stopped goes on as one of slurm.sh does.
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%A_%a.out
set -euo pipefail
: "${1:?give the file of commands, one a line}" "${SLURM_ARRAY_TASK_ID:?start it with sbatch --array=1-N}"

command=$(sed -n "${SLURM_ARRAY_TASK_ID}p" "$1")
: "${command:?"$1 has no line $SLURM_ARRAY_TASK_ID"}"
status=0
eval "srun ${SLURM_CPUS_PER_TASK:+--cpus-per-task=$SLURM_CPUS_PER_TASK} $command" || status=$? # the line is quoted for a shell
if [ "$status" = 75 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" # SLURM_JOB_ID of one of them stands for all
fi
exit "$status"

"""What of the gripper's recipe matters: twins of `self_play_blocks:one` that differ in one thing (OpenAI 2021, fig. 9).

    python -m launch.sweep --config=experiments/configs/self_play_twins.py --workdir=runs/self_play_twins
    python -m launch.plot runs/self_play_twins/* --join_seeds --out=runs/figures

variant     what differs                                                             push_1, pick_and_place_1
recipe      nothing                                                                  .173 .220   .960 .965   .970 .963
no_abc      no cloning                                                               .038 .000   .105 .000   .304 .015
abc_kept    cloning does not fade                                                    .000 .000   .203 .154   .451 .346
no_path     Bob's gripper begins where exams begin                                   .000 .000   .038 .008   .117 .015
equal       all starts along the path are as likely                                  .709 .638   .978 .958   .978 .964
no_clip     cloning without its clip                                                 .087 .000   .938 .912   .984 .964
no_filter   Bob clones all valid goals of hers, also those that he reached           .738 .811   .971 .966   .982 .984
one_goal    one goal an episode                                                      .712 .740   .953 .923   .973 .942
timestep    Alice is paid by how much longer Bob takes (Sukhbaatar 2018)             .564 .547   .967 .946   .982 .982
past        a fifth of the episodes against past versions                            .052 .359   .944 .927   .967 .954
sure        Alice's entropy weighs as much as Bob's                                  .259 .540   .985 .944   .987 .971
whole       demonstrations are of whole turns, wherever rollouts begin               .922 .925   .951 .950   .975 .965
attention   objects are pooled by attention, which one object does not need          .671 .730   .980 .962   .970 .989
lstm        players have a memory of 64 numbers, learned through 16 steps            .000 .000   .000 .000   .000 .000
lstm_long   the same in 720 updates: after 540, 660, 720                             .008 .000   .214 .226   .237 .293
privileged  values see the goals left and where objects stood                        .000 .000   .461 .628   .943 .916
uniform     no Alice: blocks anywhere on the table                                   .217 .000   .989 .000   .997 .000
curriculum  no Alice: such goals, at first only a part of the way there              .818 .000   .940 .000   .969 .000
lifted      no Alice: the goals of pick_and_place_1 themselves                       .000 .000   .000 .000   .000 .000
drawn       no Alice: one or the other, on the table or lifted, as often             .000 .000   .008 .000   .045 .000
replay      no Alice: where Bob's block ended in earlier turns, at first lifted      .008 .000   .059 .000   .030 .000
mega        no Alice: of these the places where it was least often                   .072 .000   .393 .000   .714 .000
sfl         no Alice: lifted goals that he may reach or not, by his latest turns     .000 .000   .000 .000   .000 .000
uniform_no_path     without the path of starts                                       .008 .000   .015 .000   .238 .000
curriculum_no_path  without the path of starts                                       .685 .000   .964 .000   .974 .000
replay_no_path      without the path of starts                                       .023 .000   .030 .000   .038 .000
mega_no_path        without the path of starts                                       .079 .000   .163 .000   .461 .000
sfl_no_path         without the path of starts                                       .000 .000   .000 .000   .000 .000
smoke       `recipe`, cut to 2 updates of 4 games

Solved of the exam's goals after 180, 270 and 360 updates, in whose latter half the rate falls; seed 0, whose luck
decides when he begins (the recipe's four seeds differ as much, `self_play_blocks`). Of seed 1: recipe .597 .573, .961
.935, .987 .981; whole .620 .684, .965 .965, .994 .984; no_abc .000 .000, .000 .000, .000 .038; no_path .008 .000, .086
.038, .052 .000; abc_kept .000 .000, .131 .000, .254 .106. What he cannot do without, in so many updates: cloning that
fades, and the path of starts. Shares of starts, clip, filter, goals of an episode, her reward and entropy, past
versions, whole turns and attention do not matter here (experiments/gallery/twins.png). And of all teachers only Alice
brings him to lift. Half of the goals of `drawn` and nearly all of `lifted` are in the air, where random actions do not
bring a block; of hers a third are, near her block, at first by chance (experiments/gallery/teachers.png). `lstm` has
come half of the path by then: of starts a little before its middle Bob solves .95; `lstm_long`, 23 minutes of a core,
begins to solve exams at update 600, as the rate falls.
"""

from ml_collections import ConfigDict

from experiments.configs import self_play_blocks

_LIFTED = {"name": "pick_and_place"}
_MEMORY = {"lstm_size": 64, "bptt_length": 16}
_TEACHERS = {
    "uniform": self_play_blocks.teacher("uniform"),
    "curriculum": self_play_blocks.teacher("curriculum"),
    **{name: self_play_blocks.teacher({"name": name, "goal_source": _LIFTED}) for name in ("replay", "mega", "sfl")},
}
TWINS: dict[str, dict[str, dict]] = {  # name -> changes of the learner and of the world
    "recipe": {},
    "no_abc": {"learner": {"cloning_weight": 0.0}},
    "abc_kept": {"learner": {"cloning_fades": False}},
    "no_path": {"world": {"bob_shares": "exam"}},
    "equal": {"world": {"bob_shares": "equal"}},
    "no_clip": {"learner": {"cloning_clip": None}},
    "no_filter": {"world": {"demonstrations": "valid"}},
    "one_goal": {"world": {"max_goals": 1}},
    "timestep": {"world": {"alice_reward": "timestep"}},
    "past": {"world": {"past_prob": 0.2}},
    "sure": {"learner": {"alice_entropy": 1.0}},
    "whole": {"world": {"whole_turns": True}},
    "attention": {"learner": {"attention": True}},
    "privileged": {"learner": {"privileged_critic": True}},
    "lstm": {"world": _MEMORY, "learner": _MEMORY},
    "lstm_long": {"world": _MEMORY, "learner": _MEMORY},
    "lifted": self_play_blocks.teacher(_LIFTED),
    "drawn": self_play_blocks.teacher({"name": "mixed", "goal_sources": ("push", "pick_and_place")}),
    **_TEACHERS,
    **{
        f"{name}_no_path": {**changes, "world": {**changes["world"], "bob_shares": "exam"}}
        for name, changes in _TEACHERS.items()
    },
}


def get_config(variant: str = "recipe") -> ConfigDict:
    """The config of a variant."""
    if variant not in (*TWINS, "smoke"):
        raise ValueError(f"no variant {variant!r}; there are {', '.join((*TWINS, 'smoke'))}")
    if variant == "smoke":
        return self_play_blocks.get_config("smoke")
    num_steps = 720 if variant == "lstm_long" else 360
    config = self_play_blocks.config_of(self_play_blocks.VARIANTS["one"] | {"num_steps": num_steps})
    del config.artifacts.payoff, config.figures.payoff  # it takes long, and no twin differs in it
    for part, changes in TWINS[variant].items():
        config[part].update(changes)
    return config


def sweep(add) -> None:
    """All twins, and a second seed of those that fail, and of the recipe."""
    for variant in TWINS:
        add(variant)
    for variant in ("recipe", "no_abc", "abc_kept", "no_path"):
        add(variant, seed=1)

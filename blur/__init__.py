"""Meta-Learning Bidirectional Update Rules (Sandler et al. 2021, arXiv 2104.04657). Not written yet."""

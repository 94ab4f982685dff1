"""Asymmetric self-play for robotic manipulation (OpenAI et al. 2021, arXiv 2101.04882). Not written yet."""

"""Offline evaluation: how well the production ranker foretells what real listeners play."""

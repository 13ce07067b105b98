"""Offline evaluation: how well the production ranker foretells what real listeners play.

Metrics, splits, baselines, tuning. The ranker is ``ranking``'s and is only fed here; simulated
listeners who live with the lists are in ``evaluation.nights``. Nothing of the product imports this.
"""

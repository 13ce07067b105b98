"""Many nights of simulated listeners (a user simulation) with production's making of lists.

Judged by the world's own truth, and told as a table. How a list is made is never decided here.
"""

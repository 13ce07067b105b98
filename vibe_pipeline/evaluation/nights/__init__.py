"""Many nights of simulated listeners with production's making of lists, judged and told."""

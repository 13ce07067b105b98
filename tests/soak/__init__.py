"""Many nights of many people with everything going wrong, by an accelerated clock (a soak test).

``make soak`` plays all of it; ``tests/journeys/test_soak.py`` a sample. Single faults and kills at
chosen points, in a whole installation, are ``tests/matrices``'.
"""
